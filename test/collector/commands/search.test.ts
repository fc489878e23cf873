import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { SESSION_COMMANDS } from '../../../collector/commands/session-commands.ts';
import { searchSchema } from '../../../shared/search-document.ts';
import { transcriptSchema } from '../../../shared/transcript-document.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';

const ID = 'aaaaaaaa-1111-4111-8111-111111111111';
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-search-command-'));
});

const entry = (type: string, uuid: string, content: unknown, at = '2026-02-01T00:00:00.000Z'): string => `${JSON.stringify({ type, uuid, timestamp: at, cwd: '/w/shop', sessionId: ID, message: { role: type, content } })}\n`;
const BASE = entry('user', 'u1', 'mend the <b>gate</b>') + entry('assistant', 'u2', [{ type: 'text', text: 'It is mended' }]);

function put(path: string, content: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), content);
}
const archive = (machine: string, name: string, content: string): void => put(`.local/share/tt/archive/${machine}/projects/${name}`, content);
const tt = (...argv: string[]): Promise<CommandRun> => runCommand(SESSION_COMMANDS, argv, home);

describe('tt search', () => {
  it('works without a collector, and says so when nothing is archived', async () => {
    expect(await tt('search', 'gate')).toMatchObject({ code: 0, stdout: 'nothing found\n', stderr: expect.stringContaining('tt archive on') as string });
    archive('devbox', `-w-shop/${ID}.jsonl`, BASE);
    const { stdout, code } = await tt('search', 'the', 'gate');
    expect(code).toBe(0);
    expect(stdout).toContain(`${ID}@devbox  user`);
    expect(stdout).toContain('mend the <b>gate</b>');
    expect(searchSchema.parse(JSON.parse((await tt('search', 'gate', '--json')).stdout)).hits).toHaveLength(1);
  });

  it('searches a quoted argument as it stands, and refuses what it can not look for', async () => {
    archive('devbox', `-w-shop/${ID}.jsonl`, BASE);
    expect((await tt('search', 'gate the', 'mend')).stdout).toBe('nothing found\n');
    expect((await tt('search', 'gate the')).stdout).toContain('gate');
    expect((await tt('search', 'gate -mend')).stdout).toBe('nothing found\n');
    expect(await tt('search', '***')).toMatchObject({ code: 2, stderr: expect.stringContaining('no word to look for') as string });
    expect(await tt('search', 'gate', '--machine', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('archived are devbox') as string });
    expect((await tt('search', 'gate', '--role', 'nobody')).code).toBe(2);
  });
});

describe('tt sessions show --transcript', () => {
  it('shows what the archive has, of the machine that has most of it, and says what others have', async () => {
    archive('devbox', `-w-shop/${ID}.jsonl`, BASE);
    archive('laptop', `-w-shop/${ID}.jsonl`, BASE + entry('user', 'u3', 'and the door', '2026-02-02T00:00:00.000Z'));
    archive('third', `-w-shop/${ID}.jsonl`, BASE + entry('user', 'u4', 'or the window'));
    const { stdout, stderr } = await tt('sessions', 'show', 'aaaaaaaa', '--transcript');
    expect(stdout).toContain('and the door');
    expect(stderr).toContain(`1 more entry on third: tt sessions show ${ID}@third --transcript`);
    expect((await tt('sessions', 'show', `${ID}@third`, '--transcript')).stdout).toContain('or the window');
    expect((await tt('sessions', 'show', ID, '--transcript', '--markdown')).stdout).toContain('mend the &lt;b>gate&lt;/b>');
  });

  it('shows this computer’s own, with its subagents, where nothing is archived', async () => {
    put(`.claude/projects/-w-shop/${ID}.jsonl`, BASE);
    put(`.claude/projects/-w-shop/${ID}/subagents/agent-x1.jsonl`, entry('assistant', 's1', [{ type: 'text', text: 'below' }]));
    const document = transcriptSchema.parse(JSON.parse((await tt('sessions', 'show', ID, '--transcript', '--json')).stdout));
    expect(document).toMatchObject({ machine: null, cwd: '/w/shop', subagents: [{ agent_id: 'x1', items: [{ text: 'below' }] }] });
    expect(await tt('sessions', 'show', 'bbbb', '--transcript')).toMatchObject({ code: 2, stderr: expect.stringContaining('tt archive on') as string });
    expect((await tt('sessions', 'show', ID, '--markdown')).code).toBe(2);
  });
});
