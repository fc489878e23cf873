import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { printStatusline } from '../../collector/statusline/statusline-file.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { ensureExecutables, executableOf } from '../support/processes.ts';

let home: string;
let program: string;
beforeEach(() => {
  ensureExecutables();
  home = mkdtempSync(join(tmpdir(), 'tt-statusline-'));
  // Alone: whatever it loads besides Node's own modules is not there.
  program = join(home, 'tt.mjs');
  copyFileSync(executableOf('tt'), program);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const tt = (...words: string[]) => spawnSync(process.execPath, [program, ...words], { encoding: 'utf8', env: { HOME: home } });

it('the status line is told by one small file that loads nothing else', () => {
  const file = resolvePaths({}, home).statuslineFile;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, printStatusline({ writtenAtMs: Date.now(), line: '1 wait · 0 work · $0.08', sessions: new Map([['s', 'Instance: s@devbox']]) }));
  expect(tt('statusline')).toMatchObject({ status: 0, stdout: '1 wait · 0 work · $0.08\n', stderr: '' });
  expect(tt('statusline', '--session', 's')).toMatchObject({ status: 0, stdout: 'Instance: s@devbox\n' });
});

it('everything else needs the rest', () => {
  expect(tt('statusline').stderr).toContain('tt-commands.mjs');
  expect(tt('status').stderr).toContain('tt-commands.mjs');
});
