import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SESSION_COMMANDS } from '../../../collector/commands/session-commands.ts';
import { openMachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { openWriter } from '../../../collector/store/database.ts';
import { openEventStore } from '../../../collector/store/event-store.ts';
import { createCommitter } from '../../../collector/writer/commit.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { makePrivateDirectory } from '../../../shared/atomic-file.ts';
import { resolvePaths, type Paths } from '../../../shared/paths.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { sessionDetailSchema, sessionsDocumentSchema, waitingDocumentSchema } from '../../../shared/session-documents.ts';
import { usageDocumentSchema } from '../../../shared/usage-documents.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { genOf, jobOf, refOf, START_MS, testEvent, testMachine, type BatchParts } from '../../support/store-fixture.ts';

const [LAPTOP, DEVBOX] = [testMachine(1), testMachine(2)];
const A = '6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11';
const B = '6f1c2a91-0000-4000-8000-000000000000';
const C = 'c0ffee00-0000-4000-8000-000000000000';
const MINUTE = 60_000;

let home: string;
let paths: Paths;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tt-sessions-'));
  paths = resolvePaths({}, home);
  makePrivateDirectory(paths.dataDir);
  for (const [machineId, label] of [[LAPTOP, 'laptop'], [DEVBOX, 'devbox']] as const) {
    openMachineRegistry(paths.machinesFile).enrol({ machineId, label, publicKey: (await createKeyPair()).publicKey, nowMs: START_MS });
  }
  store();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface Said {
  machineId?: typeof LAPTOP;
  session: string;
  minute: number;
  agentId?: string;
}

let count = 0;
function said(type: string, { machineId = DEVBOX, session, minute, agentId }: Said, rest: { [key: string]: JsonValue }, discriminator = `d${count++}`) {
  return testEvent({ machineId, type, discriminator, at: START_MS + minute * MINUTE }, {
    session_id: session, cwd: machineId === LAPTOP ? `${home}/shop` : '/srv/it s', ...(agentId === undefined ? {} : { agent_id: agentId }), ...rest,
  });
}

const usage = (output: number, model = 'claude-opus-4-5') => ({
  message_id: `msg_${count++}`, model, usage: { input_tokens: 1000, output_tokens: output, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
});

/** A asks for a permission in tmux on devbox; B on the laptop is done; C works there. */
function store(): void {
  const database = openWriter(paths.database);
  const committer = createCommitter(openEventStore(database), { now: () => START_MS });
  const take = (machineId: typeof LAPTOP, parts: BatchParts): void => {
    committer.commit([jobOf(refOf(machineId), parts)]);
  };
  const a = { session: A };
  take(DEVBOX, {
    gen: genOf(1),
    events: [
      said('agent_session', { ...a, minute: 0 }, { action: 'started', git_branch: 'main', harness_version: '2.1.329' }, `${A}:started`),
      said('user_message', { ...a, minute: 1 }, { kind: 'prompt', origin: 'human', length: 15, text: 'Why so slow?\u001b[2J' }),
      said('assistant_message', { ...a, minute: 2 }, { stop_reason: 'tool_use', text: 'Let me look.', ...usage(1000) }),
      said('agent_tool_use', { ...a, minute: 2 }, { tool: 'Task' }, 'toolu_1'),
      said('agent_session', { ...a, minute: 3, agentId: 'x1' }, { action: 'started' }, `${A}/x1:started`),
      said('assistant_message', { ...a, minute: 4, agentId: 'x1' }, { stop_reason: 'end_turn', text: 'Found it.', ...usage(2000, 'nobody-1') }),
      said('agent_tool_result', { ...a, minute: 5 }, { is_error: true }, 'toolu_1'),
      said('agent_tool_use', { ...a, minute: 6 }, { tool: 'Bash' }, 'toolu_2'),
      said('agent_status', { ...a, minute: 7 }, { status: 'waiting', waiting_for: 'permission prompt', pane_id: '%3', tmux_session: 'dev', window_id: '@1' }),
    ],
    states: [{ gen: genOf(1), offset: 1, after: '', session_id: A, key: 'ai-title', value: 'Slow\u001b[31m checkout' }],
  });
  const b = { session: B, machineId: LAPTOP };
  take(LAPTOP, {
    gen: genOf(2),
    events: [
      said('user_message', { ...b, minute: 10 }, { kind: 'prompt', origin: 'human', length: 3 }),
      said('assistant_message', { ...b, minute: 12 }, { stop_reason: 'end_turn', text: 'All done.', ...usage(4000) }),
    ],
  });
  const c = { session: C, machineId: LAPTOP };
  take(LAPTOP, { gen: genOf(3), events: [said('user_message', { ...c, minute: 13 }, { kind: 'prompt', origin: 'human', length: 3 }), said('agent_tool_use', { ...c, minute: 14 }, { tool: 'Bash' }, 'toolu_3')] });
  database.close();
}

const tt = (...argv: string[]): Promise<CommandRun> => runCommand(SESSION_COMMANDS, argv, home, { clock: new ManualClock(START_MS + 20 * MINUTE) });
const ids = (run: CommandRun): string[] => sessionsDocumentSchema.parse(JSON.parse(run.stdout)).sessions.map(({ session }) => session);

describe('tt sessions', () => {
  it('lists every session of every machine, latest first, with what it did and cost', async () => {
    const { sessions } = sessionsDocumentSchema.parse(JSON.parse((await tt('sessions', '--json')).stdout));
    expect(sessions.map(({ session }) => session)).toEqual([`${C}@laptop`, `${B}@laptop`, `${A}@devbox`]);
    expect(sessions[2]).toMatchObject({
      title: 'Slow\u001b[31m checkout', project: '/srv/it s', branch: 'main', started_at: '2026-05-01T09:00:00.000Z', last_at: '2026-05-01T09:07:00.000Z',
      state: 'waiting', since: '2026-05-01T09:07:00.000Z', as_of: '2026-05-01T09:07:00.000Z', waiting_for: 'permission',
      prompts: 1, tool_uses: 2, tool_errors: 1, subagents: 1, responses: 2, unpriced_responses: 1, cost_usd: 0.03,
      tokens: { input: 2000, output: 3000, cache_creation: 0, cache_read: 0, total: 5000 },
    });
  });

  it.each([
    [['--machine', 'laptop'], [C, B]], [['--machine', DEVBOX], [A]], [['--state', 'waiting'], [B, A]], [['--state', 'working', '--state', 'idle'], [C]],
    [['--project', '~/shop'], [C, B]], [['--project', 'it s'], [A]], [['--project', '/srv'], [A]], [['--project', '/srv/it'], []],
    [['--since', '2026-05-01T09:13:00Z'], [C]], [['--days', '1'], [C, B, A]], [['--limit', '1'], [C]],
  ])('with %j keeps what it says', async (options, expected) => {
    expect(ids(await tt('sessions', '--json', ...options)).map((id) => id.split('@')[0])).toEqual(expected);
  });

  it('prints a table in which nothing from a log acts on the terminal', async () => {
    const { stdout } = await tt('sessions');
    expect(stdout).toMatch(/^SESSION +STATE +SINCE +LAST +TITLE +PROJECT/);
    expect(stdout).toMatch(/6f1c2a90@devbox +waiting: permission\? +13 min ago +13 min ago +Slow \[31m checkout +\/srv\/it s +main +0 +1 +2 +1 +5\.0k +≥ \$0\.03/);
    expect(stdout).toMatch(/6f1c2a91@laptop +waiting\? .* ~\/shop /);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it.each([['--machine', 'nobody'], ['--state', 'sleepy'], ['--limit', 'many'], ['--days', '-1'], ['--since', 'soon']])('refuses %s %s', async (...option) => {
    expect(await tt('sessions', ...option)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('tt sessions show', () => {
  it.each([[A], [`${A}@devbox`], ['6f1c2a90'], ['6f1c2a90@devbox'], [`6f1c@${DEVBOX}`]])('finds a session as %s', async (name) => {
    expect(sessionDetailSchema.parse(JSON.parse((await tt('sessions', 'show', name, '--json')).stdout)).session_id).toBe(A);
  });

  it.each([['6f1c', 'could be'], ['6f1', 'no session'], ['6f1c2a90@laptop', 'no session'], ['dead', 'no session']])('says what is wrong with %s', async (name, words) => {
    expect(await tt('sessions', 'show', name)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(words) as string });
  });

  it('tells its turns and its subagents; turns add up to the session', async () => {
    const detail = sessionDetailSchema.parse(JSON.parse((await tt('sessions', 'show', A, '--json')).stdout));
    expect(detail.children).toMatchObject([{ agent_id: 'x1', state: 'ended', responses: 1, cost_usd: null, tokens: { output: 2000 } }]);
    expect(detail.turn_list).toMatchObject([{
      kind: 'prompt', text: 'Why so slow?\u001b[2J', length: 15, last_line: 'Let me look.', ended: false, tool_uses: 2, tool_errors: 1,
      tools: [{ tool: 'Bash', uses: 1, errors: 0 }, { tool: 'Task', uses: 1, errors: 1 }], subagents: ['x1'],
      waits: [{ reason: 'permission', from: '2026-05-01T09:07:00.000Z', to: null }], tokens: detail.tokens, responses: 2,
    }]);
    const { stdout } = await tt('sessions', 'show', A);
    expect(stdout).toContain('Bash ×1, Task ×1 (1 failed)');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('tt waiting', () => {
  it('lists those that wait for the person, longest first, and how to get there', async () => {
    writeFileSync(paths.machineFile, JSON.stringify({ machine_id: LAPTOP, label: 'laptop' }));
    const { waiting } = waitingDocumentSchema.parse(JSON.parse((await tt('waiting', '--json')).stdout));
    expect(waiting).toMatchObject([
      { session: `${A}@devbox`, reason: 'permission', waited_ms: 13 * MINUTE, last_line: 'Let me look.', tool: 'Bash', command: expect.stringMatching(/^ssh -t devbox 'tmux .* %3 /) as string },
      { session: `${B}@laptop`, reason: 'turn_done', waited_ms: 8 * MINUTE, last_line: 'All done.', tool: null, command: `cd ${home}/shop && claude --resume ${B}` },
    ]);
  });

  it('says so in words, plain and whole', async () => {
    const { stdout } = await tt('waiting');
    expect(stdout).toMatch(/^2 sessions wait for you\n\n13 min {2}6f1c2a90@devbox {2}permission to use Bash, since /);
    expect(stdout).toContain('“All done.”');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('tt usage', () => {
  it.each([
    ['day', [['2026-05-01', 3]]], ['model', [['claude-opus-4-5', 2], ['nobody-1', 1]]], ['machine', [['laptop', 1], ['devbox', 2]]],
    ['session', [[`${B}@laptop`, 1], [`${A}@devbox`, 2]]], ['stream', [[null, 3]]],
  ])('by %s adds up to the same total', async (by, expected) => {
    const document = usageDocumentSchema.parse(JSON.parse((await tt('usage', '--by', by, '--json', '--timezone', 'UTC')).stdout));
    expect(document.rows.map(({ key, responses }) => [key, responses])).toEqual(expected);
    expect(document.rows.reduce((sum, { tokens }) => sum + tokens.total, 0)).toBe(document.total.tokens.total);
    expect(document.total).toMatchObject({ responses: 3, cost_usd: 0.135, unpriced_responses: 1, tokens: { input: 3000, output: 7000 } });
    expect(document.unpriced_models).toEqual([{ model: 'nobody-1', responses: 1 }]);
  });

  it('counts what lies in the period and in the day of the zone', async () => {
    const of = async (...options: string[]) => usageDocumentSchema.parse(JSON.parse((await tt('usage', '--json', ...options)).stdout));
    expect((await of('--timezone', 'Pacific/Kiritimati', '--until', '2026-05-01')).rows).toEqual([]);
    expect((await of('--timezone', 'Pacific/Kiritimati')).rows.map(({ key }) => key)).toEqual(['2026-05-01']);
    expect((await of('--timezone', 'Asia/Tokyo', '--since', '2026-05-01T09:04:00Z', '--until', '2026-05-01T09:12:00Z')).total.responses).toBe(1);
    expect(await tt('usage', '--timezone', 'Nowhere')).toMatchObject({ code: 2, stdout: '' });
  });

  it('takes a price from the configuration', async () => {
    makePrivateDirectory(join(home, '.config/tt'));
    writeFileSync(paths.configFile, 'prices.nobody-1 = { input = 1, output = 10 }\n');
    const document = usageDocumentSchema.parse(JSON.parse((await tt('usage', '--json')).stdout));
    expect(document).toMatchObject({ total: { cost_usd: 0.156, unpriced_responses: 0 }, unpriced_models: [] });
  });

  it('says in words what is a bound and what has no price', async () => {
    const { stdout } = await tt('usage', '--by', 'model');
    expect(stdout).toMatch(/nobody-1 +1 +1\.0k +2\.0k +0 +0 +–/);
    expect(stdout).toMatch(/total +3 .* ≥ \$0\.14\n/);
    expect(stdout).toContain('for want of a price: nobody-1 (1 response)');
  });
});

describe('tt statusline with no collector', () => {
  it('tells it out of the database', async () => {
    expect((await tt('statusline')).stdout).toBe('2 wait · 1 work · devbox late · laptop late · ≥ $0.14\n');
    expect((await tt('statusline', '--session', A)).stdout).toBe('Instance: 6f1c2a90@devbox | waiting 13m | main | 5.0k tokens | ≥ $0.03\n');
    expect((await tt('statusline', '--session', 'nope')).stdout).toBe('Instance: – | – | – | – | –\n');
  });
});
