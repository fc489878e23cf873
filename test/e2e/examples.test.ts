// The example in each command's help, run as a person would type it: by a shell, in a home with a
// collector, an agent and some history. What needs another machine or changes the system is named.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentCommands } from '../../agent/commands/table.ts';
import { COMMANDS } from '../../collector/commands/table.ts';
import { machineAddedSchema } from '../../shared/status.ts';
import { startAgent, startCollector, collectorStatus, type RunningCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, executableOf, killAll, runCommand, runJson, type RunningProgram } from '../support/processes.ts';
import { until } from '../support/until.ts';

/** Run by tests of their own: they need another machine, or install something on this one. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'tt deploy', 'tt undeploy', 'tt sync', 'tt sessions pull', 'tt sessions push', 'tt sessions sync', 'tt-agent receive', 'tt-agent drain', 'tt collector install', 'tt collector logs', 'tt-agent install', 'tt-agent logs',
]);
/** Run here, before the others or behind them. */
const FIRST = ['tt-agent init', 'tt collector run', 'tt machines add', 'tt-agent join', 'tt-agent run'];
const LAST = ['tt machines rename', 'tt machines retire', 'tt machines revoke', 'tt collector restore'];
/** One after the other: each changes what the next one is about. */
const CHANGING = /^tt (?:streams (?:create|rename|merge|delete)|tag|untag|assign|tunnel|collector|machines rewind)/;
/** Until a signal. */
const ENDLESS: ReadonlySet<string> = new Set(['tt status']);
/** What an example takes for granted. */
const BEFORE: Readonly<Record<string, string>> = {
  'tt streams merge': 'tt streams create checkout && tt streams create "checkout fixes"',
  'tt untag': 'tt tag checkout acme',
  'tt streams rename': 'tt streams create checkout',
  'tt streams delete': 'tt streams create "checkout rewrite"',
  'tt tag': 'tt streams create checkout',
  'tt assign': 'tt streams create checkout',
  'tt tunnel status': 'tt tunnel add devbox me@devbox',
  'tt tunnel restart': 'tt tunnel add devbox me@devbox',
  'tt tunnel remove': 'tt tunnel add devbox me@devbox',
};

interface Example {
  /** `tt machines add`. */
  name: string;
  line: string | undefined;
}

const EXAMPLES: readonly Example[] = [
  ...COMMANDS.map(({ name, example }) => ({ name: `tt ${name}`, line: example })),
  ...agentCommands(() => { throw new Error('not here'); }).map(({ name, example }) => ({ name: `tt-agent ${name}`, line: example })),
];
const lineOf = (name: string): string => EXAMPLES.find((example) => example.name === name)?.line ?? '';
const ordinary = EXAMPLES.filter(({ name }) => !ELSEWHERE.has(name) && ![...FIRST, ...LAST].includes(name));

interface Ran {
  code: number | null;
  told: string;
}

describe('the example of each command', () => {
  let home: MachineHome;
  let collector: RunningCollector;
  let agent: RunningProgram;

  /** By a shell, which also expands `~` and writes into files; `untilOutput`: gets a SIGINT when it has printed something. */
  function shell(line: string, { stdin = '', untilOutput = false } = {}): Promise<Ran> {
    const child = spawn('/bin/sh', ['-c', untilOutput ? `exec ${line}` : line], { cwd: home.directory, env: home.environment });
    let told = '';
    child.stdout.on('data', (bytes: Buffer) => {
      told += bytes.toString();
      if (untilOutput) child.kill('SIGINT');
    });
    child.stderr.on('data', (bytes: Buffer) => (told += bytes.toString()));
    child.stdin.end(stdin);
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, told })));
  }

  beforeAll(async () => {
    ensureExecutables();
    home = createMachineHome('examples');
    const bin = join(home.directory, 'bin');
    mkdirSync(bin);
    const put = (name: string, script: string): void => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    for (const name of ['tt', 'tt-agent'] as const) put(name, `exec '${process.execPath}' '${executableOf(name)}' "$@"`);
    // No example may reach a host that happens to be called devbox.
    put('ssh', 'echo "ssh: connect to host devbox: Connection refused" >&2; exit 255');
    home.environment['PATH'] = `${bin}:${home.environment['PATH'] ?? ''}`;
    const directory = home.home;
    mkdirSync(join(directory, '.local/share/bash-completion/completions'), { recursive: true });
    mkdirSync(join(directory, 'work/secret-project'), { recursive: true });
    writeSession(home, '6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11', '/home/me/shop');
    writeSession(home, '9f8e7d6c-5b4a-4938-a716-f5e4d3c2b1a0', join(directory, 'work/secret-project'));
    const begun = await shell(lineOf('tt-agent init'));
    if (begun.code !== 0) throw new Error(begun.told);
    collector = await startCollector(home);
    await joinCollector(home, shell);
    agent = await startAgent(home);
    await until('the sessions to arrive', async () => {
      const [machine] = (await collectorStatus(home)).machines;
      return machine?.connected === true && machine.backlog_bytes === 0 && machine.last_event_at !== null;
    });
    writeLegacy(join(directory, '.local/share/tt/tt.db'));
  });
  afterAll(async () => {
    await killAll();
    home.remove();
  });

  it('is there', () => {
    expect(EXAMPLES.filter(({ name, line }) => line === undefined || !line.startsWith(name)).map(({ name }) => name)).toEqual([]);
  });

  /** `tt status exits 0`, with what it printed where it exits otherwise. */
  async function outcomeOf({ name, line = '' }: Example): Promise<string> {
    // Where another example made what it takes for granted, this says so, and that is no matter.
    if (BEFORE[name] !== undefined) await shell(BEFORE[name]);
    const { code, told } = await shell(line, { untilOutput: ENDLESS.has(name) });
    return `${line} exits ${code}${code === 0 ? '' : `: ${told}`}`;
  }

  it.each(ordinary.filter(({ name }) => CHANGING.test(name)))('works: $line', async (example) => {
    expect(await outcomeOf(example)).toBe(`${example.line} exits 0`);
  });

  it('works where it only reads, or adds: the others', async () => {
    const others = ordinary.filter(({ name }) => !CHANGING.test(name));
    const waiting = [...others];
    const outcomes: string[] = [];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) outcomes.push(await outcomeOf(next));
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(outcomes.toSorted()).toEqual(others.map(({ line }) => `${line} exits 0`).toSorted());
  }, 180_000);

  it('works where it ends the machine or the collector', async () => {
    expect(await shell(lineOf('tt machines rename'))).toMatchObject({ code: 0 });
    // As tt-agent run and tt collector run end: by a signal, with all they had taken stored.
    expect(await agent.stop()).toMatchObject({ code: 0 });
    expect(await shell(lineOf('tt machines retire'))).toMatchObject({ code: 0 });
    expect(await shell(lineOf('tt machines revoke'))).toMatchObject({ code: 0 });
    expect(await collector.stop()).toMatchObject({ code: 0 });
    expect(await shell(lineOf('tt collector restore'))).toMatchObject({ code: 0 });
  });

  it('names the exit codes below it, of both programs', async () => {
    for (const program of ['tt', 'tt-agent'] as const) {
      for (const words of [[], ['doctor']]) {
        expect((await runCommand(home, program, [...words, '--help'])).stdout).toMatch(/Exit codes: 0 ok, 1 failed, 2 usage/);
      }
    }
  });
});

/** The line of the help with the collector's own address, and the code on stdin. */
async function joinCollector(home: MachineHome, shell: (line: string, options: { stdin: string }) => Promise<Ran>): Promise<void> {
  const { code, url } = await runJson(home, 'tt', [...lineOf('tt machines add').split(' ').slice(1), '--json'], (value) => machineAddedSchema.parse(value));
  const line = lineOf('tt-agent join').replace('http://127.0.0.1:7071', url);
  const joined = await shell(line, { stdin: `${code}\n` });
  if (joined.code !== 0) throw new Error(`${line}: ${joined.told}`);
}

function writeSession({ projects }: MachineHome, sessionId: string, cwd: string): void {
  const directory = join(projects, cwd.replace(/[^a-zA-Z0-9]/g, '-'));
  mkdirSync(directory, { recursive: true });
  const common = { sessionId, cwd, version: '2.1.39', gitBranch: 'main', userType: 'external', isSidechain: false };
  const entry = (n: number): { uuid: string; timestamp: string } => ({ uuid: `${sessionId.slice(0, -2)}${10 + n}`, timestamp: new Date(Date.now() - (10 - n) * 1000).toISOString() });
  const lines = [
    { parentUuid: null, ...common, ...entry(1), type: 'user', message: { role: 'user', content: 'Why is checkout so slow?' }, permissionMode: 'default' },
    {
      parentUuid: entry(1).uuid, ...common, ...entry(2), type: 'assistant', requestId: `req_${sessionId}`,
      message: { id: `msg_${sessionId}`, type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [{ type: 'text', text: 'It waits for the disk.' }], stop_reason: 'end_turn', usage: { input_tokens: 10, output_tokens: 5 } },
    },
  ];
  writeFileSync(join(directory, `${sessionId}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The least that is a database of the earlier tool. */
function writeLegacy(file: string): void {
  const database = new Sqlite(file);
  database.exec(`
    CREATE TABLE schema_info (version INTEGER NOT NULL);
    INSERT INTO schema_info VALUES (8);
    CREATE TABLE streams (id TEXT PRIMARY KEY);
    CREATE TABLE events (id TEXT PRIMARY KEY, timestamp TEXT NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL, machine_id TEXT,
      schema_version INTEGER DEFAULT 1, cwd TEXT, git_project TEXT, git_workspace TEXT, pane_id TEXT, tmux_session TEXT,
      window_index INTEGER, status TEXT, idle_duration_ms INTEGER, action TEXT, session_id TEXT, stream_id TEXT, assignment_source TEXT DEFAULT 'inferred');
    CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, source TEXT NOT NULL DEFAULT 'claude', parent_session_id TEXT,
      session_type TEXT NOT NULL DEFAULT 'user', project_path TEXT NOT NULL, project_name TEXT NOT NULL, start_time TEXT NOT NULL,
      end_time TEXT, message_count INTEGER NOT NULL, summary TEXT, user_prompts TEXT DEFAULT '[]', starting_prompt TEXT,
      assistant_message_count INTEGER DEFAULT 0, tool_call_count INTEGER DEFAULT 0, machine_id TEXT);`);
  database.close();
}
