import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CommandSpec } from '../../shared/cli.ts';
import { printCompletion, toCompletionNodes, type Shell } from '../../shared/completion.ts';

const load = (): Promise<never> => Promise.reject(new Error('nothing runs here'));
const COMMANDS: CommandSpec[] = [
  { name: 'status', summary: "How it is: the machine's state", options: [{ flags: '--json', description: 'as JSON' }], load },
  { name: 'machines', summary: 'List machines', options: [{ flags: '--state <state>', description: 'only these', choices: ['live', 'away'] }], load },
  { name: 'machines rename', summary: 'Rename one', arguments: [{ syntax: '<label>', description: 'which' }], load },
  { name: 'collector run', summary: 'Run it', load },
  { name: 'backup', summary: 'Back up', arguments: [{ syntax: '<file>', description: 'where to' }], load },
  { name: 'completion', summary: 'Complete', arguments: [{ syntax: '<shell>', description: 'which', choices: ['bash', 'fish'] }], load },
];
const PROGRAM = { name: 'tt', commands: COMMANDS, groups: { collector: 'The collector' } };

const directory = mkdtempSync(join(tmpdir(), 'tt-completion-'));
const environment = { PATH: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: directory };

beforeAll(() => {
  // Stands for the program where the script asks it for labels.
  mkdirSync(join(directory, 'bin'));
  const program = join(directory, 'bin', 'tt');
  writeFileSync(program, '#!/bin/sh\n[ "$*" = "completion labels" ] && printf "devbox\\ngpu\\n"\n');
  chmodSync(program, 0o755);
  writeFileSync(join(directory, 'my backup.db'), '');
});

function run(shell: Shell, script: string): string[] {
  const args = shell === 'bash' ? ['--norc', '-c', script] : shell === 'zsh' ? ['-f', '-c', script] : ['--no-config', '-c', script];
  return execFileSync(shell, args, { env: environment, cwd: directory, encoding: 'utf8' }).split('\n').filter((line) => line !== '');
}

/** What the shell offers when TAB comes after `typed`. Zsh's own functions need a terminal: they only print here. */
const OFFERS: Record<Shell, (typed: string[]) => string[]> = {
  bash: (typed) => run('bash', `${printCompletion('bash', PROGRAM)}
COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${typed.length - 1}; _tt 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`),
  zsh: (typed) => run('zsh', `compdef() { :; }
_describe() { printf '%s\\n' "\${(@)list%%:*}"; }
compadd() { shift; printf '%s\\n' "$@"; }
_files() { printf '%s\\n' *; }
${printCompletion('zsh', PROGRAM)}
words=(${typed.map((word) => `'${word}'`).join(' ')}); CURRENT=${typed.length}; _tt`),
  fish: (typed) => run('fish', `${printCompletion('fish', PROGRAM)}
complete -C '${typed.join(' ')}'`).map((line) => line.split('\t')[0] ?? ''),
};

const isInstalled = (shell: Shell): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

describe.each(['bash', 'zsh', 'fish'] as const)('completion for %s', (shell) => {
  // CI installs all three.
  const offer = (...typed: string[]): string[] => OFFERS[shell](typed);
  it.skipIf(!isInstalled(shell))('offers commands, and those of a group', () => {
    expect(offer('tt', '')).toEqual(expect.arrayContaining(['status', 'machines', 'collector', 'backup', 'completion']));
    expect(offer('tt', 'collector', '')).toEqual(expect.arrayContaining(['run']));
    expect(offer('tt', 'collector', '')).not.toContain('status');
  });

  it.skipIf(!isInstalled(shell))('offers the options of a command, its choices, and nothing of another', () => {
    expect(offer('tt', 'status', '--')).toEqual(expect.arrayContaining(['--json']));
    expect(offer('tt', 'status', '--')).not.toContain('--state');
    expect(offer('tt', 'machines', '--state', '')).toEqual(expect.arrayContaining(['live', 'away']));
    expect(offer('tt', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'fish']));
  });

  it.skipIf(!isInstalled(shell))('asks the program for labels, and offers files where one is due', () => {
    expect(offer('tt', 'machines', 'rename', '')).toEqual(expect.arrayContaining(['devbox', 'gpu']));
    expect(offer('tt', 'backup', 'my').map((name) => name.replaceAll('\\', ''))).toContain('my backup.db');
  });
});

it('has a place for every command and every word that groups commands', () => {
  const paths = toCompletionNodes(PROGRAM).map(({ path }) => path);
  expect(paths.toSorted()).toEqual(['', 'backup', 'collector', 'collector run', 'completion', 'machines', 'machines rename', 'status']);
});
