import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentCommands } from '../../../agent/commands/table.ts';
import { agentStatusSchema } from '../../../shared/status.ts';
import { systemClock } from '../../../shared/clock.ts';
import { runCommand, type CommandRun, type RunOptions } from '../../support/command-run.ts';
import { openIngest } from '../../support/ingest-fixture.ts';
import { modelProcesses } from '../../support/model-processes.ts';

let home: string;
const ID = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-cmd-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function run(argv: readonly string[], options: RunOptions = {}): Promise<CommandRun> {
  return runCommand(agentCommands(() => modelProcesses()), argv, home, options);
}

function data(name: string): string {
  return join(home, '.local/share/tt', name);
}

function write(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

function withIdentity(): void {
  write(data('machine.json'), JSON.stringify({ machine_id: ID, label: 'devbox' }, null, 2));
}

describe('init', () => {
  it('prints three lines and keeps the ID; the label changes only when it is given', async () => {
    const first = await run(['init', '--label', 'devbox']);
    expect(first.stdout).toMatch(/^Machine ID: [0-9a-f-]{36}\nLabel: {6}devbox\nSaved to: {3}\/.*machine\.json\n$/);
    const bytes = readFileSync(data('machine.json'), 'utf8');
    expect(bytes).toMatch(/^\{\n {2}"machine_id": "[0-9a-f-]{36}",\n {2}"label": "devbox"\n\}$/);
    expect((await run(['init'])).stdout).toBe(first.stdout);
    expect((await run(['init', '--label', 'other'])).stdout).toBe(first.stdout.replace('devbox', 'other'));
    for (const name of ['machine.json', 'machine.key']) expect(statSync(data(name)).mode & 0o777).toBe(0o600);
  });

  it('never replaces a file that it can not read', async () => {
    write(data('machine.json'), '{"machine_id":"x"');
    const { code, stderr } = await run(['init']);
    expect(code).toBe(1);
    expect(stderr).toContain('machine.json can not be read');
    expect(readFileSync(data('machine.json'), 'utf8')).toBe('{"machine_id":"x"');
  });

  it('refuses what is no label', async () => {
    expect(await run(['init', '--label', 'A b'])).toMatchObject({ code: 2 });
    expect(existsSync(data('machine.json'))).toBe(false);
  });
});

describe('ingest', () => {
  it('needs an identity, and says so in the earlier tool’s words', async () => {
    const { code, stderr } = await run(['ingest', 'pane-focus', '--pane', '%3', '--cwd', '/p', '--session', 'dev']);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("No machine identity found. Run 'tt-agent init' first.") as unknown });
  });

  it('appends one line in the earlier tool’s bytes', async () => {
    withIdentity();
    await run(['ingest', 'pane-focus', '--pane', '%3', '--cwd', '/p', '--session', 'dev', '--window', '1']);
    await run(['ingest', 'scroll', '--pane', '%3', '--cwd', '/p', '--session', 'dev']);
    await run(['ingest', 'afk', '--status', 'active', '--idle-ms', '4000']);
    await run(['ingest', 'window-focus', '--app', 'firefox', '--title', 'Größe']);
    const at = '2026-01-05T12:00:00.000Z';
    expect(readFileSync(data('events.jsonl'), 'utf8').split('\n')).toEqual([
      `{"id":"${ID}:remote.tmux:tmux_pane_focus:${at}:%3","timestamp":"${at}","source":"remote.tmux","type":"tmux_pane_focus","cwd":"/p","pane_id":"%3","tmux_session":"dev","window_index":1}`,
      `{"id":"${ID}:remote.tmux:tmux_scroll:${at}:%3","timestamp":"${at}","source":"remote.tmux","type":"tmux_scroll","cwd":"/p","pane_id":"%3","tmux_session":"dev"}`,
      `{"id":"${ID}:local.watcher:afk_change:${at}:active","timestamp":"${at}","source":"local.watcher","type":"afk_change","status":"active","idle_duration_ms":4000}`,
      expect.stringMatching(/^\{"id":"[^"]*:window_focus:[^"]*:firefox:[0-9a-f]{16}".*"window_app_id":"firefox","window_title":"Größe"\}$/),
      '',
    ]);
  });

  it.each(['é'.repeat(9000), '\u0001'.repeat(9000), '"\\'.repeat(9000), '😀'.repeat(4000)])('cuts what is too long for one line, at a whole character', async (title) => {
    withIdentity();
    await run(['ingest', 'window-focus', '--app', title, '--title', title]);
    await run(['ingest', 'pane-focus', '--pane', title, '--cwd', title, '--session', title]);
    const lines = readFileSync(data('events.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(Buffer.byteLength(line)).toBeLessThan(4096);
      expect(line).not.toContain('\ufffd');
      JSON.parse(line);
    }
  });

  it.each([
    ['pane-focus', '--pane', '', '--cwd', '/p', '--session', 'dev'],
    ['pane-focus', '--pane', '%1', '--cwd', '/p', '--session', ' '],
    ['pane-focus', '--pane', '%1', '--cwd', '/p', '--session', 's', '--window', 'x'],
    ['afk', '--status', 'asleep'],
  ])('refuses %s %s %j', async (...argv) => {
    withIdentity();
    expect(await run(['ingest', ...argv])).toMatchObject({ code: 2 });
    expect(existsSync(data('events.jsonl'))).toBe(false);
  });
});

const UUIDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

function paneEvent(second: number): string {
  const at = `2026-01-05T10:00:0${second}.000Z`;
  return `{"id":"${ID}:remote.tmux:tmux_pane_focus:${at}:%1","timestamp":"${at}","source":"remote.tmux","type":"tmux_pane_focus","cwd":"/p","pane_id":"%1","tmux_session":"s"}`;
}

function withLogs(): void {
  withIdentity();
  // The key order is not ours, and stays.
  write(data('events.jsonl'), `${paneEvent(5)}\n{"type":"x_note","id":"${ID}:a:x_note:2026-01-05T10:00:06.000Z:1","source":"a","timestamp":"2026-01-05T10:00:06.000Z"}\nno json\n{"half":`);
  write(data('events-019bcde000000000.jsonl'), `${paneEvent(3)}\n`);
  write(data('events.jsonl.1'), `${paneEvent(1)}\n`);
  const entry = { type: 'user', sessionId: 's1', cwd: '/p', version: '2.1.100', timestamp: '2026-01-05T10:00:02.000Z', uuid: UUIDS[0], message: { role: 'user', content: 'hello' } };
  write(join(home, '.claude/projects/-p/s1.jsonl'), `${JSON.stringify(entry)}\n`);
}

function ids(text: string): string[] {
  return text.split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as { id: string }).id);
}

describe('export', () => {
  it('prints our logs oldest first and byte for byte, then Claude’s files', async () => {
    withLogs();
    const { stdout, code } = await run(['export']);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines.slice(0, 4)).toEqual([
      paneEvent(1), paneEvent(3), paneEvent(5),
      `{"type":"x_note","id":"${ID}:a:x_note:2026-01-05T10:00:06.000Z:1","source":"a","timestamp":"2026-01-05T10:00:06.000Z"}`,
    ]);
    expect(lines.slice(4).map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['agent_session', 'user_message']);
  });

  it('goes on strictly behind an event, and says when it does not know it', async () => {
    withLogs();
    const all = ids((await run(['export'])).stdout);
    const third = all[2] ?? '';
    expect(ids((await run(['export', '--after', third])).stdout)).toEqual(all.slice(3));
    expect(await run(['export', '--after', 'nobody'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--since') as unknown });
  });

  it('filters by time', async () => {
    withLogs();
    const { stdout } = await run(['export', '--since', '2026-01-05T11:00:03+01:00']);
    expect(ids(stdout)).toHaveLength(3);
    expect(await run(['export', '--since', 'yesterday'])).toMatchObject({ code: 2 });
  });
});

describe('preview', () => {
  it('prints the newest of what would leave', async () => {
    withLogs();
    const { stdout } = await run(['preview', '--last', '2']);
    expect(ids(stdout)).toEqual([`${ID}:remote.tmux:tmux_pane_focus:2026-01-05T10:00:05.000Z:%1`, `${ID}:a:x_note:2026-01-05T10:00:06.000Z:1`]);
    expect(await run(['preview', '--last', '0'])).toMatchObject({ code: 2 });
  });
});

describe('status', () => {
  it('says in JSON that nothing is known where no agent ever ran', async () => {
    const { stdout, code } = await run(['status', '--json'], { clock: systemClock });
    expect(code).toBe(0);
    expect(agentStatusSchema.parse(JSON.parse(stdout))).toMatchObject({ running: false, as_of: null, backlog_bytes: null, drained_at: null });
    expect(await run(['status', '--strict'], { clock: systemClock })).toMatchObject({ code: 4 });
  });
});

describe('join', () => {
  it('enrols with a code from stdin, makes the identity, and answers the same again', async () => {
    await using collector = await openIngest();
    const { code } = collector.codes.create('devbox');
    const first = await run(['join', collector.url, '--code', '-'], { stdin: `${code}\n`, clock: systemClock });
    expect(first).toMatchObject({ code: 0, stderr: '', stdout: `Joined as devbox: collector ${collector.identity.collectorId} at ${collector.url}\n` });
    expect(await run(['join', collector.url, '--code', code], { clock: systemClock })).toEqual(first);
    expect(JSON.parse(readFileSync(data('machine.json'), 'utf8'))).toMatchObject({ label: 'devbox' });
    expect(JSON.parse(readFileSync(data('uplink.json'), 'utf8'))).toMatchObject({ url: collector.url, public_key: collector.identity.keys.publicKey });
    expect(collector.registry.byLabel('devbox')).toBeDefined();
  });

  it('pins nothing after a wrong code', async () => {
    await using collector = await openIngest();
    expect(await run(['join', collector.url, '--code', 'wrong'], { clock: systemClock })).toMatchObject({ code: 5 });
    expect(existsSync(data('uplink.json'))).toBe(false);
  });

  it('leaves a collector only when told to', async () => {
    await using old = await openIngest();
    await using next = await openIngest();
    await run(['join', old.url, '--code', old.codes.create('devbox').code], { clock: systemClock });
    const { code } = next.codes.create('devbox');
    const refused = await run(['join', next.url, '--code', code], { clock: systemClock });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--replace') as unknown });
    expect(next.registry.byLabel('devbox')).toBeUndefined();
    expect(await run(['join', next.url, '--code', code, '--replace'], { clock: systemClock })).toMatchObject({ code: 0 });
    expect(readFileSync(data('uplink.json'), 'utf8')).toContain(next.identity.collectorId);
  });

  it('says where nobody answers, and what is no address', async () => {
    expect(await run(['join', 'http://127.0.0.1:1', '--code', 'x'], { clock: systemClock })).toMatchObject({ code: 3 });
    expect(await run(['join', 'ftp://x', '--code', 'x'])).toMatchObject({ code: 2 });
  });
});
