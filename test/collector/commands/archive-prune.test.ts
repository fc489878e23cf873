import { existsSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ARCHIVE_COMMANDS } from '../../../collector/commands/archive-commands.ts';
import { runCommand } from '../../support/command-run.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const DAY_MS = 86_400_000;
const MACHINE = '00000000-0000-4000-8000-00000000a0a0';

it('says which previous contents it keeps, and until when; removes them when they are old, and never what a file has now', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tt-prune-'));
  const at = (name: string): string => join(home, '.local/share/tt/archive', MACHINE, 'projects', name);
  mkdirSync(dirname(at('-p/a.jsonl')), { recursive: true });
  writeFileSync(at('-p/a.jsonl'), 'what it has now');
  writeFileSync(at('-p/a.jsonl.before-20260105T100000Z'), 'other'); // its own time is what counts
  writeFileSync(at('-p/a.jsonl.before-20260105T100001Z'), 'what');
  const putAsideMs = statSync(at('-p/a.jsonl')).ctimeMs;
  const prune = async (days: number, ...args: string[]): Promise<string> => {
    const clock = new ManualClock();
    clock.now = () => putAsideMs + days * DAY_MS;
    return (await runCommand(ARCHIVE_COMMANDS, ['archive', 'prune', ...args], home, { clock })).stdout;
  };
  expect(await prune(1, '--dry-run')).toMatch(/, the file has all of it\nwould remove 1 file, 4 B\n1 previous content, 5 B, put aside within the last 30 days: kept \(--older-than DAYS\)\n$/);
  expect(await prune(1)).toContain('removed 1 file, 4 B\n1 previous content');
  expect(await prune(1)).toMatch(/^nothing to remove\n1 previous content/);
  expect(await prune(40)).toBe('removed 1 file, 5 B\n');
  expect(await prune(40)).toBe('nothing to remove\n');
  expect(existsSync(at('-p/a.jsonl'))).toBe(true);
});
