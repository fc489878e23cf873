/** Our own logs: `events.jsonl` (hooks, `tt-agent ingest`) and `status.jsonl` (the agent's registry watch), with their segments. */
import { basename, dirname, resolve } from 'node:path';
import type { MachineId } from '../../shared/ids.ts';
import { PROBE_LINE_TYPE } from '../../shared/probe.ts';
import type { JsonValue } from '../../shared/event.ts';
import type { ExtractionSink, Extractor, SourceFile, SourceKind } from '../extraction.ts';
import type { FormerMachines } from '../new-identity.ts';
import type { ProbePlace } from '../probes.ts';
import { isDeeperThan, isObject, parseEntry, type JsonObject } from '../../shared/json-line.ts';
import { filterEventTexts, type Texts } from '../privacy/texts.ts';
import { salvage } from '../salvage.ts';
import { isLogName } from './segments.ts';
import { toEvent } from './written-event.ts';

export interface EventLogSourceOptions {
  dataDir: string;
  machineId: MachineId;
  /** Machines that this one was copied from. */
  former?: FormerMachines;
  texts: Texts;
  /** A probe's line was read. It is never an event. */
  onProbe?: ((place: ProbePlace) => void) | undefined;
}

/** Deeper JSON cannot be printed again without exhausting the stack; no event needs it. */
const DEEPEST_EVENT = 64;
const CARRY: JsonValue = { version_of_carry: 1 };
/** The earlier tool's backup: read, never touched. */
const EARLIER_BACKUP = 'events.jsonl.1';

export function createEventLogSource(options: EventLogSourceOptions): SourceKind {
  return logSource('event-log', options, (name) => isLogName(name, 'events') || name === EARLIER_BACKUP);
}

export function createStatusLogSource(options: EventLogSourceOptions): SourceKind {
  return logSource('status-log', options, (name) => isLogName(name, 'status'));
}

function logSource(name: SourceKind['name'], options: EventLogSourceOptions, isOwn: (name: string) => boolean): SourceKind {
  const directory = resolve(options.dataDir);
  return {
    name,
    roots: [directory],
    isFlat: true,
    matches: (path) => dirname(resolve(path)) === directory && isOwn(basename(path)),
    open: (file, carry) => (carry === undefined || isOurCarry(carry) ? new EventLogExtractor(options, file) : undefined),
  };
}

function isOurCarry(carry: JsonValue): boolean {
  return isObject(carry) && carry['version_of_carry'] === 1;
}

/** Each line stands for itself: nothing is carried over. */
class EventLogExtractor implements Extractor {
  readonly #options: EventLogSourceOptions;

  readonly #gen: SourceFile['gen'];

  constructor(options: EventLogSourceOptions, { gen }: SourceFile) {
    this.#options = options;
    this.#gen = gen;
  }

  line(bytes: Buffer, start: number, end: number, sink: ExtractionSink): void {
    const text = bytes.toString('utf8').trim();
    if (text === '') return;
    const parsed = parseEntry(text);
    if (parsed !== undefined) return this.#event(parsed, [start, end], sink);
    for (const { from, to, entry } of salvage(bytes)) {
      if (entry === undefined) sink.bad(start + from, start + to, 'no event');
      else this.#event(entry, [start + from, start + to], sink);
    }
  }

  carry(): JsonValue {
    return CARRY;
  }

  #event(line: JsonObject, [from, to]: [number, number], sink: ExtractionSink): void {
    if (line['type'] === PROBE_LINE_TYPE) return this.#probe(line['id'], to);
    if (isDeeperThan(line, DEEPEST_EVENT)) return sink.bad(from, to, 'nested too deep');
    const written = toEvent(line, this.#options.machineId, this.#options.former);
    if ('problem' in written) return sink.bad(from, to, written.problem);
    filterEventTexts(written.event, this.#options.texts);
    sink.event(written.event);
  }

  #probe(id: JsonValue | undefined, to: number): void {
    if (typeof id === 'string') this.#options.onProbe?.({ id, gen: this.#gen, to });
  }
}
