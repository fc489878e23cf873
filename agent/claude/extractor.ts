/**
 * Events out of the transcripts of Claude Code, versions 2.0 to 2.1.3xx. The
 * vendor documents none of it: what is not known is counted, never an error.
 */
import type { Generation, MachineId } from '../../shared/ids.ts';
import type { JsonValue, LineageEdge } from '../../shared/event.ts';
import type { ExtractionSink, Extractor } from '../extraction.ts';
import { NamedDirectories, UNKNOWN_DIRECTORIES } from '../privacy/named-directories.ts';
import type { Texts } from '../privacy/texts.ts';
import { answerIn, DECISION_TOOLS } from './answers.ts';
import { condense } from './condense.ts';
import { blocksOf, isObject, nameOf, numberOf, objectOf, parseEntry, pathOf, textOf, timeOf, type Entry, type EntryTime, type JsonObject } from '../../shared/json-line.ts';
import { assistantMessage, sessionStarted, toolResult, toolUse, turnEnded, userMessage, type Origin, type ToolCall } from './event-builder.ts';
import { HeldItems } from './held.ts';
import { isKnownAttachment, isKnownSystem } from './known-types.ts';
import { judge, wordsOf } from '../../shared/human.ts';
import { Outlet } from './outlet.ts';
import { hash16, PromptQueue, writesWholeTurns, type QueuedPrompt } from './queue.ts';
import { salvage } from '../salvage.ts';
import { isNoise, isNoiseType } from './scan.ts';
import { isStateType, stateOf } from './session-state.ts';
import { usageOf } from './usage.ts';

const CARRY_VERSION = 1;
/** Lineage edges and open questions remembered per file; beyond that an edge is only said again. */
const REMEMBERED = 64;

/** What the place of a file says about it; its entries decide where they say more. */
export interface TranscriptPlace {
  sessionId: string;
  agentId: string | undefined;
  /** Below `subagents/`, or an `agent-….jsonl` beside the sessions. */
  isSubagent: boolean;
}

export interface TranscriptOptions {
  machineId: MachineId;
  gen: Generation;
  place: TranscriptPlace;
  texts: Texts;
  /** Of a subagent's file at its start: what its session has named until then. */
  inherited?: readonly string[] | 'unknown' | undefined;
}

export class ClaudeExtractor implements Extractor {
  readonly #options: TranscriptOptions;
  readonly #directories: NamedDirectories;
  readonly #outlet: Outlet;
  readonly #queue: PromptQueue;
  #cwd: string | undefined;
  #sessionId: string | undefined;
  #version: string | undefined;
  /** Latest timestamp of the entries read; lines are not in the order of time. */
  #latest = '';
  #hasStarted = false;
  /** The end of the running turn was told already. */
  #turnHasEnded = false;
  /** A stop hook answered last: the summary that follows ends nothing. */
  #stopIsBlocked = false;
  /** Tool ID → tool, of questions to a person that have no result yet. */
  #questions: [string, string][] = [];
  #edges: string[] = [];

  constructor(options: TranscriptOptions, carry: JsonObject = {}) {
    this.#options = options;
    this.#directories = NamedDirectories.from(carry['directories'], options.texts);
    if (options.inherited === 'unknown') this.#directories.addUnknown();
    else for (const directory of options.inherited ?? []) this.#directories.add(directory);
    this.#outlet = new Outlet(this.#directories, HeldItems.from(carry['held']));
    this.#queue = PromptQueue.from(objectOf(carry, 'queue') ?? {});
    this.#cwd = textOf(carry, 'cwd');
    this.#sessionId = textOf(carry, 'sessionId');
    this.#version = textOf(carry, 'version');
    this.#latest = textOf(carry, 'latest') ?? '';
    this.#hasStarted = carry['hasStarted'] === true;
    this.#turnHasEnded = carry['turnHasEnded'] === true;
    this.#stopIsBlocked = carry['stopIsBlocked'] === true;
    this.#questions = pairsIn(carry['questions']);
    this.#edges = textsIn(carry['edges']);
  }

  line(lent: Buffer, start: number, _end: number, sink: ExtractionSink): void {
    const bytes = lent[lent.length - 1] === 0x0d ? lent.subarray(0, -1) : lent;
    if (bytes.length === 0 || isNoise(bytes)) return;
    const entry = parseEntry(condense(bytes));
    if (entry !== undefined) return this.#entry(entry, bytes, start, sink);
    for (const { from, to, entry: found } of salvage(bytes)) {
      if (found === undefined) sink.bad(start + from, start + to, 'no record');
      else this.#entry(found, bytes.subarray(from, to), start + from, sink);
    }
  }

  carry(): JsonValue {
    return {
      version_of_carry: CARRY_VERSION,
      cwd: this.#cwd ?? null, sessionId: this.#sessionId ?? null, version: this.#version ?? null,
      latest: this.#latest, hasStarted: this.#hasStarted, turnHasEnded: this.#turnHasEnded, stopIsBlocked: this.#stopIsBlocked,
      questions: this.#questions, edges: this.#edges,
      queue: this.#queue.carry(), held: this.#outlet.carry(), directories: this.#directories.carry(),
    };
  }

  #entry(entry: Entry, bytes: Buffer, offset: number, sink: ExtractionSink): void {
    const type = textOf(entry, 'type');
    if (type === undefined) return sink.unknown('(no type)');
    if (isNoiseType(type)) return;
    const uuid = nameOf(entry, 'uuid');
    if (uuid !== undefined) sink.entry(uuid);
    if (isStateType(type)) return this.#state(type, entry, offset, sink);
    this.#learn(entry, sink);
    const time = timeOf(entry);
    this.#dispatch({ type, entry, bytes, time }, sink);
    if (time !== undefined && time.timestamp > this.#latest) this.#latest = time.timestamp;
  }

  #dispatch({ type, entry, bytes, time }: { type: string; entry: Entry; bytes: Buffer; time: EntryTime | undefined }, sink: ExtractionSink): void {
    if (type === 'queue-operation') {
      for (const prompt of this.#queue.operation(entry, this.#sessionOf(entry), this.#version)) this.#queued(prompt, sink);
      return;
    }
    const known = type === 'user' || type === 'assistant' || type === 'system' || type === 'attachment';
    if (!known) return type === 'fork-context-ref' ? undefined : sink.unknown(printable(type));
    if (time === undefined) return sink.unknown(`${type} without a time`);
    const origin = this.#originOf(entry, time);
    this.#start(entry, origin, sink);
    if (type === 'user') this.#user(entry, bytes, origin, sink);
    else if (type === 'assistant') this.#assistant(entry, bytes, origin, sink);
    else if (type === 'system') this.#system(entry, bytes, origin, sink);
    else this.#attachment(entry, bytes, origin, sink);
  }

  /** What later lines without it go by. */
  #learn(entry: Entry, sink: ExtractionSink): void {
    this.#sessionId = nameOf(entry, 'sessionId') ?? this.#sessionId;
    const cwd = pathOf(entry, 'cwd');
    const version = nameOf(entry, 'version');
    if (version !== undefined) {
      this.#version = version;
      for (const prompt of this.#queue.decide(version)) this.#queued(prompt, sink);
    }
    if (cwd !== undefined) {
      this.#cwd = cwd;
      this.#outlet.cwdKnown(cwd, sink);
    }
    const forkedFrom = objectOf(entry, 'forkedFrom');
    const parent = forkedFrom === undefined ? undefined : nameOf(forkedFrom, 'sessionId');
    if (parent !== undefined) this.#edge({ child: this.#sessionOf(entry), parent, via: 'forkedFrom' }, sink);
    const requested = nameOf(entry, 'requestSessionId');
    if (requested !== undefined) this.#edge({ child: this.#sessionOf(entry), parent: requested, via: 'requestSessionId' }, sink);
  }

  #edge(edge: LineageEdge, sink: ExtractionSink): void {
    const key = `${edge.child} ${edge.parent} ${edge.via}`;
    if (edge.child === edge.parent || this.#edges.includes(key)) return;
    this.#edges = [...this.#edges, key].slice(-REMEMBERED);
    sink.edge(edge);
  }

  #sessionOf(entry: Entry): string {
    return nameOf(entry, 'sessionId') ?? this.#sessionId ?? this.#options.place.sessionId;
  }

  #originOf(entry: Entry, time: EntryTime): Origin {
    const { machineId, place } = this.#options;
    return {
      timestamp: time.timestamp, raw: time.raw, machineId, sessionId: this.#sessionOf(entry),
      agentId: nameOf(entry, 'agentId') ?? place.agentId,
      cwd: pathOf(entry, 'cwd') ?? this.#cwd, uuid: nameOf(entry, 'uuid'),
    };
  }

  #start(entry: Entry, origin: Origin, sink: ExtractionSink): void {
    if (this.#hasStarted || origin.uuid === undefined || pathOf(entry, 'cwd') === undefined) return;
    this.#hasStarted = true;
    this.#outlet.event(sessionStarted(origin, { version: nameOf(entry, 'version'), branch: nameOf(entry, 'gitBranch') }), sink);
  }

  #state(type: string, entry: Entry, offset: number, sink: ExtractionSink): void {
    const sessionId = this.#sessionOf(entry);
    const state = stateOf(type, entry);
    if (state === undefined) return sink.unknown(`${type} without a value`);
    const successor = type === 'continued-in' ? nameOf(entry, 'continuedInSessionId') : undefined;
    if (successor !== undefined) this.#edge({ child: successor, parent: sessionId, via: 'continued-in' }, sink);
    this.#outlet.state({ gen: this.#options.gen, offset, after: this.#latest, session_id: sessionId, ...state }, this.#cwd, sink);
  }

  #queued(prompt: QueuedPrompt, sink: ExtractionSink): void {
    const { machineId, place } = this.#options;
    const { timestamp, raw, sessionId, text, length, discriminator } = prompt;
    const origin: Origin = { timestamp, raw, sessionId, machineId, agentId: place.agentId, cwd: this.#cwd, uuid: undefined };
    this.#turnHasEnded = false;
    this.#outlet.event(userMessage(origin, discriminator, {
      is: 'said', kind: 'prompt', origin: 'human', text, length, hasImage: false,
    }), sink);
  }

  #user(entry: Entry, bytes: Buffer, origin: Origin, sink: ExtractionSink): void {
    this.#turnHasEnded = false;
    const content = objectOf(entry, 'message')?.['content'];
    this.#stopIsBlocked = entry['isMeta'] === true && wordsOf(content).text.startsWith(STOP_FEEDBACK);
    this.#judge(entry, content, { bytes, origin }, sink);
  }

  #judge(entry: Entry, content: JsonValue | undefined, from: { bytes: Buffer; origin: Origin }, sink: ExtractionSink): void {
    const { bytes, origin } = from;
    const verdict = judge(entry, content, { sidechain: this.#isSidechain(entry) });
    if (verdict.is === 'tool_result') return this.#toolResults(entry, content, from, sink);
    if (verdict.is === 'unreadable') return sink.unknown('user without content');
    if (verdict.is !== 'said') return;
    if (verdict.kind === 'prompt' && this.#queue.wasCounted(verdict.text)) return;
    this.#outlet.event(userMessage(origin, origin.uuid ?? lineName(origin, 'user', bytes), verdict), sink);
  }

  #isSidechain(entry: Entry): boolean {
    return this.#options.place.isSubagent || entry['isSidechain'] === true || nameOf(entry, 'agentId') !== undefined;
  }

  #toolResults(entry: Entry, content: JsonValue | undefined, { bytes, origin }: { bytes: Buffer; origin: Origin }, sink: ExtractionSink): void {
    let answered = false;
    for (const [index, block] of blocksOf(content).entries()) {
      if (block['type'] !== 'tool_result') continue;
      const id = nameOf(block, 'tool_use_id');
      const isError = block['is_error'] === true;
      const aborted = isError && SESSION_ENDED.test(wordsOf(block['content']).text);
      this.#outlet.event(toolResult(origin, this.#call(id, index, origin, bytes), { isError, aborted }), sink);
      const tool = this.#questions.find(([asked]) => asked === id)?.[1];
      if (tool !== undefined) this.#questions = this.#questions.filter(([asked]) => asked !== id);
      const answer = answered || aborted ? undefined : answerIn(entry, block, tool);
      if (answer === undefined) continue;
      answered = true;
      this.#outlet.event(userMessage(origin, origin.uuid ?? lineName(origin, 'user', bytes), answer), sink);
    }
  }

  #call(id: string | undefined, index: number, origin: Origin, bytes: Buffer): ToolCall {
    if (id !== undefined && id.startsWith('toolu_')) return { discriminator: id, toolUseId: undefined };
    const entryName = origin.uuid ?? lineName(origin, 'tool', bytes);
    return { discriminator: `${entryName}:${index}`, toolUseId: id };
  }

  #assistant(entry: Entry, bytes: Buffer, origin: Origin, sink: ExtractionSink): void {
    const message = objectOf(entry, 'message');
    const isApiError = entry['isApiErrorMessage'] === true;
    if (message === undefined) return sink.unknown('assistant without a message');
    if (entry['isCompactSummary'] === true) return;
    const model = nameOf(message, 'model');
    const isSynthetic = model === '<synthetic>';
    if (isSynthetic && !isApiError) return;
    this.#turnHasEnded = false;
    this.#stopIsBlocked = false;
    const content = message['content'];
    const text = wordsOf(content).text;
    this.#outlet.event(assistantMessage(origin, origin.uuid ?? lineName(origin, 'assistant', bytes), {
      isApiError, model,
      messageId: isSynthetic ? undefined : nameOf(message, 'id'),
      requestId: nameOf(entry, 'requestId'),
      stopReason: nameOf(message, 'stop_reason'),
      usage: isSynthetic ? undefined : usageOf(message),
      text: text === '' ? undefined : text,
    }), sink);
    if (typeof content !== 'string') this.#toolUses(content, { bytes, origin }, sink);
  }

  #toolUses(content: JsonValue | undefined, { bytes, origin }: { bytes: Buffer; origin: Origin }, sink: ExtractionSink): void {
    for (const [index, block] of blocksOf(content).entries()) {
      if (block['type'] !== 'tool_use') continue;
      const tool = nameOf(block, 'name') ?? 'unknown';
      const id = nameOf(block, 'id');
      if (id !== undefined && DECISION_TOOLS.has(tool)) this.#questions = [...this.#questions, [id, tool] as [string, string]].slice(-REMEMBERED);
      this.#outlet.event(toolUse(origin, this.#call(id, index, origin, bytes), tool, fileOf(tool, block)), sink);
    }
  }

  /** Each turn ends once: `turn_duration` where the version writes it for every turn, before that what comes first. */
  #system(entry: Entry, bytes: Buffer, origin: Origin, sink: ExtractionSink): void {
    const subtype = textOf(entry, 'subtype') ?? '';
    if (!isKnownSystem(subtype)) return sink.unknown(printable(`system/${subtype}`));
    const endsTurn = subtype === 'turn_duration' || (subtype === 'stop_hook_summary' && !writesWholeTurns(this.#version) && this.#stops(entry));
    if (!endsTurn || this.#turnHasEnded || this.#isSidechain(entry)) return;
    this.#turnHasEnded = true;
    this.#outlet.event(turnEnded(origin, origin.uuid ?? lineName(origin, subtype, bytes), numberOf(entry, 'durationMs')), sink);
  }

  /** `preventedContinuation` is a hook that said `continue: false`: it stops the session, whatever other hooks answered. */
  #stops(summary: Entry): boolean {
    return summary['preventedContinuation'] === true || !this.#stopIsBlocked;
  }

  #attachment(entry: Entry, bytes: Buffer, origin: Origin, sink: ExtractionSink): void {
    const attachment = objectOf(entry, 'attachment');
    const kind = attachment === undefined ? '' : (textOf(attachment, 'type') ?? '');
    if (attachment === undefined || !isKnownAttachment(kind)) return sink.unknown(printable(`attachment/${kind}`));
    if (kind !== 'queued_command' || attachment['commandMode'] === 'task-notification') return;
    const marks: Entry = { ...entry };
    for (const key of ['isMeta', 'origin', 'promptSource']) {
      const mark = attachment[key];
      if (mark !== undefined) marks[key] = mark;
    }
    this.#turnHasEnded = false;
    this.#judge(marks, attachment['prompt'], { bytes, origin }, sink);
  }
}

const STOP_FEEDBACK = 'Stop hook feedback:';
const SESSION_ENDED = /session (was |has )?(ended|interrupted|terminated) before/i;

/** Name of a line without a uuid: very old, or made by hand. Its session is part of it, so it collides with nobody's. */
function lineName(origin: Origin, type: string, bytes: Buffer): string {
  return `l-${hash16(origin.sessionId, origin.raw ?? origin.timestamp, type, bytes.toString('latin1'))}`;
}

function fileOf(tool: string, block: JsonObject): string | undefined {
  const input = objectOf(block, 'input');
  if (input === undefined) return undefined;
  if (tool === 'Glob' || tool === 'Grep') return pathOf(input, 'path');
  return /^(Edit|MultiEdit|Read|Write|NotebookEdit)$/.test(tool) ? pathOf(input, 'file_path') ?? pathOf(input, 'notebook_path') : undefined;
}

/** A type as it may be counted: short, without control characters. */
function printable(type: string): string {
  // eslint-disable-next-line no-control-regex
  return type.replace(/[\u0000-\u001f\u007f]/g, '?').slice(0, 64);
}

function textsIn(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

function pairsIn(value: JsonValue | undefined): [string, string][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((pair): [string, string][] => {
    const [id, tool] = textsIn(pair);
    return id === undefined || tool === undefined ? [] : [[id, tool]];
  });
}

/** Undefined for a carry-over of another version: the file is read from 0 then. */
export function openTranscript(options: TranscriptOptions, carry: JsonValue | undefined): Extractor | undefined {
  if (carry === undefined) return new ClaudeExtractor(options);
  if (!isObject(carry) || carry['version_of_carry'] !== CARRY_VERSION) return undefined;
  if (isObject(carry['directories'])) return new ClaudeExtractor(options, carry);
  // An earlier release did not note which directories the file named.
  return options.texts.isPerProject ? undefined : new ClaudeExtractor(options, { ...carry, directories: UNKNOWN_DIRECTORIES });
}
