/**
 * A plausible history of any size: machines with projects, conversations with
 * subagents, prompts, tools, usage and tmux focus. The same seed gives the same
 * events; they go through the real committer.
 */
import { openWriter } from '../../collector/store/database.ts';
import { openEventStore } from '../../collector/store/event-store.ts';
import { createCommitter } from '../../collector/writer/commit.ts';
import { buildEventId } from '../../shared/event-id.ts';
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { encodeBatch } from '../../shared/protocol/codec.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { seededRandom, type SeededRandom } from './seeded-random.ts';

export interface GenerateOptions {
  machines: number;
  /** Conversations over all machines; subagents come on top. */
  sessions: number;
  /** About how many events over all. */
  events: number;
  days: number;
  seed: number;
  /** Latest possible time, epoch ms. */
  endMs: number;
}

/** One event and the file it is in. */
export interface GeneratedEvent {
  machineId: MachineId;
  gen: string;
  path: string;
  bornAt: number;
  event: TtEvent;
}

const DAY_MS = 86_400_000;
const PROJECTS = ['api', 'web', 'infra', 'notes', 'parser', 'billing', 'docs'];
const TOOLS = ['Bash', 'Edit', 'Read', 'Grep', 'Write', 'Task'];
const MODELS = ['claude-opus-4-5', 'claude-sonnet-4-5', 'claude-haiku-4-5'];

interface File {
  machineId: MachineId;
  gen: string;
  path: string;
  bornAt: number;
}

function machineOf(random: SeededRandom): MachineId {
  const id = parseMachineId(random.uuid());
  if (id === undefined) throw new Error('a generated UUID is no UUID');
  return id;
}

type Facts = { [key: string]: JsonValue };

interface Identity {
  machineId: MachineId;
  source: string;
  type: string;
  at: number;
  discriminator: string;
}

function eventOf({ machineId, source, type, at, discriminator }: Identity, rest: Facts): TtEvent {
  const timestamp = printTimestamp(at);
  return { id: buildEventId({ machineId, source, type, timestamp, discriminator }), timestamp, source, type, schema_version: 2, ...rest };
}

interface Common {
  session_id: string;
  cwd: string;
  agent_id?: string;
}

/** One transcript: a conversation's, or with `agent_id` a subagent's. Yields `count` events or a few more. */
function* transcript(random: SeededRandom, file: File, common: Common, { count, endMs }: { count: number; endMs: number }): Generator<TtEvent> {
  const { machineId } = file;
  const { session_id: session, agent_id: agent } = common;
  let at = file.bornAt;
  const make = (type: string, discriminator: string, rest: Facts): TtEvent =>
    eventOf({ machineId, source: 'remote.agent', type, at, discriminator }, { agent: 'claude-code', ...common, ...rest });
  const tick = (low: number, high: number): void => {
    at = Math.min(endMs, at + random.between(low, high));
  };
  yield make('agent_session', `${session}${agent === undefined ? '' : `/${agent}`}:started`, {
    action: 'started', harness_version: `2.1.${random.between(80, 329)}`, git_branch: random.pick(['main', 'fix/one', 'feature/two']),
  });
  let left = count - 1;
  while (left > 0) {
    if (agent === undefined) {
      tick(20_000, 900_000);
      const text = 'Please look at the failing test and repair what it shows. '.repeat(random.between(1, 6));
      yield make('user_message', random.uuid(), { kind: 'prompt', origin: random.chance(0.95) ? 'human' : 'script', length: text.length, has_image: false, text });
      left -= 1;
    }
    for (let step = random.between(1, 12); step > 0 && left > 0; step -= 1) {
      tick(800, 30_000);
      const isLast = step === 1;
      const message = `msg_${random.bytes(12).toString('hex')}`;
      const usage = {
        input_tokens: random.between(1, 20), output_tokens: random.between(20, 3000),
        cache_creation_input_tokens: random.between(0, 9000), cache_read_input_tokens: random.between(5000, 150_000),
      };
      const model = random.pick(MODELS);
      for (let line = random.between(1, 2); line > 0; line -= 1) {
        yield make('assistant_message', random.uuid(), {
          message_id: message, request_id: `req_${message.slice(4)}`, model, stop_reason: isLast ? 'end_turn' : 'tool_use',
          usage: { ...usage, output_tokens: line === 1 ? usage.output_tokens : 1 }, text: 'The last words of an answer, cut to a fixed length.',
        });
        left -= 1;
      }
      if (isLast) break;
      const tool = `toolu_${random.bytes(12).toString('hex')}`;
      yield make('agent_tool_use', tool, { entry_uuid: random.uuid(), tool: random.pick(TOOLS), file: `${common.cwd}/src/file-${random.between(1, 60)}.ts` });
      tick(50, 20_000);
      yield make('agent_tool_result', tool, { entry_uuid: random.uuid(), is_error: random.chance(0.05) });
      left -= 2;
    }
    if (agent === undefined) {
      yield make('agent_turn', `${random.uuid()}:ended`, { action: 'ended', duration_ms: random.between(2000, 300_000) });
      left -= 1;
    }
  }
}

function* focus(random: SeededRandom, machineId: MachineId, cwds: readonly string[], { count, from, to }: { count: number; from: number; to: number }): Generator<TtEvent> {
  for (let index = 0; index < count; index += 1) {
    const at = from + Math.floor(((to - from) * index) / count);
    const pane = `%${random.between(0, 9)}`;
    const type = random.chance(0.8) ? 'tmux_pane_focus' : 'tmux_scroll';
    yield eventOf({ machineId, source: 'remote.tmux', type, at, discriminator: `${pane}:${index}` }, {
      pane_id: pane, tmux_session: random.pick(['main', 'work']), window_index: random.between(0, 5), cwd: random.pick(cwds),
    });
  }
}

/** Machine after machine, file after file, each in the order of its file. */
export function* generateEvents(options: GenerateOptions): Generator<GeneratedEvent> {
  const random = seededRandom(options.seed);
  const startMs = options.endMs - options.days * DAY_MS;
  const perSession = Math.max(2, Math.floor((options.events * 0.9) / Math.max(1, options.sessions)));
  for (let machine = 0; machine < options.machines; machine += 1) {
    const machineId = machineOf(random);
    const cwds = PROJECTS.slice(0, random.between(2, PROJECTS.length)).map((name) => `/home/dev/projects/${name}`);
    const fileOf = (path: string, bornAt: number): File => ({ machineId, path, bornAt, gen: random.bytes(16).toString('hex') });
    const log = fileOf('/home/dev/.local/share/tt/events.jsonl', startMs);
    const focusCount = Math.floor((options.events * 0.1) / options.machines);
    for (const event of focus(random, machineId, cwds, { count: focusCount, from: startMs, to: options.endMs })) yield { ...log, event };
    for (let index = machine; index < options.sessions; index += options.machines) {
      const session = random.uuid();
      const cwd = random.pick(cwds);
      const bornAt = startMs + random.between(0, Math.max(0, options.days * DAY_MS - DAY_MS / 12));
      const directory = `/home/dev/.claude/projects/${cwd.replaceAll('/', '-')}`;
      const subagents = perSession > 40 && random.chance(0.3) ? random.between(1, 3) : 0;
      const forSubagents = Math.floor(perSession / 10) * subagents;
      const main = fileOf(`${directory}/${session}.jsonl`, bornAt);
      for (const event of transcript(random, main, { session_id: session, cwd }, { count: perSession - forSubagents, endMs: options.endMs })) yield { ...main, event };
      for (let sub = 0; sub < subagents; sub += 1) {
        const agentId = random.bytes(4).toString('hex');
        const file = fileOf(`${directory}/${session}/subagents/agent-${agentId}.jsonl`, Math.min(options.endMs, bornAt + random.between(60_000, 600_000)));
        const common = { session_id: session, agent_id: agentId, cwd };
        for (const event of transcript(random, file, common, { count: Math.floor(perSession / 10), endMs: options.endMs })) yield { ...file, event };
      }
    }
  }
}

const EVENTS_PER_BATCH = 250;
const BATCHES_PER_COMMIT = 16;

/** Writes the history into the database at `path`, created if need be. Answers how many events were stored. */
export function generateDatabase(path: string, options: GenerateOptions): { events: number } {
  const database = openWriter(path);
  try {
    const store = openEventStore(database);
    const committer = createCommitter(store, { now: () => options.endMs });
    const offsets = new Map<string, number>();
    let group: Parameters<typeof committer.commit>[0][number][] = [];
    let file: File | undefined;
    let events: string[] = [];
    let stored = 0;
    let seq = 0;
    const commit = (): void => {
      if (group.length === 0) return;
      for (const machine of committer.commit(group).summary.machines) stored += machine.stored;
      group = [];
    };
    const flush = (): void => {
      if (file === undefined || events.length === 0) return;
      const from = offsets.get(file.gen) ?? 0;
      const to = from + 10 * events.reduce((sum, line) => sum + line.length, 0);
      offsets.set(file.gen, to);
      seq += 1;
      const { gen, path: name, bornAt } = file;
      const range = { gen, path: name, born_at: bornAt, from, to, prev: String(from), tail: String(to), events: events.length };
      const bytes = new TextEncoder().encode(encodeBatch({ seq, lane: 'backfill', files: [range], states: [], edges: [] }, events)).buffer;
      const machine = { machineId: file.machineId, enrolledAtMs: options.endMs - options.days * DAY_MS };
      group.push({ kind: 'batch', connection: 1, machine, receivedAtMs: options.endMs, lane: 'backfill', bytes, isCompressed: false });
      events = [];
      if (group.length >= BATCHES_PER_COMMIT) commit();
    };
    for (const { event, ...place } of generateEvents(options)) {
      if (file?.gen !== place.gen || events.length >= EVENTS_PER_BATCH) flush();
      file = place;
      events.push(JSON.stringify(event));
    }
    flush();
    commit();
    // As a collector does once it has nothing else to do.
    while (store.deriveTime());
    return { events: stored };
  } finally {
    database.close();
  }
}
