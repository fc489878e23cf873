// Ways for one folder of logs to arrive at the collector's database. All must come to the same numbers.
import { readFileSync } from 'node:fs';
import type { SourceKind } from '../../agent/extraction.ts';
import type { BatchJob } from '../../collector/writer/messages.ts';
import type { JsonValue } from '../../shared/event.ts';
import { parseGeneration } from '../../shared/ids.ts';
import { Collected, linesOf, MACHINE } from '../support/extraction.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { genOf, jobOf, openStoreFixture, refOf } from '../support/store-fixture.ts';
import { readStored, type Stored } from './database.ts';

export interface Arrival {
  name: string;
  arrive(files: readonly string[]): Stored;
}

const LINES_PER_BATCH = 7;

interface Options {
  /** A new extractor from the carry-over, and a new writer, at every batch; every other batch comes twice. */
  isInterrupted: boolean;
}

/** The batches of one file, as an agent would send them. */
function* batchesOf(source: SourceKind, path: string, gen: string, { isInterrupted }: Options): Generator<BatchJob> {
  const known = parseGeneration(gen);
  if (known === undefined) throw new Error(`${gen} is no generation`);
  const file = { gen: known, path };
  const lines = linesOf(readFileSync(path));
  let extractor = source.open(file, undefined);
  for (let first = 0; first < lines.length; first += LINES_PER_BATCH) {
    const some = lines.slice(first, first + LINES_PER_BATCH);
    const collected = new Collected();
    for (const { bytes, start, end } of some) extractor?.line(Buffer.from(bytes), start, end, collected);
    if (extractor === undefined) throw new Error(`${path}: the carry-over was refused`);
    const [from, to] = [some[0]?.start ?? 0, (some.at(-1)?.end ?? 0) + 1];
    yield jobOf(refOf(MACHINE), {
      gen, from, to, prev: from === 0 ? '' : `to ${from}`, tail: `to ${to}`,
      events: collected.events, states: collected.states, edges: collected.edges,
    });
    if (isInterrupted) extractor = source.open(file, JSON.parse(JSON.stringify(extractor.carry())) as JsonValue);
  }
}

function store(source: SourceKind, files: readonly string[], options: Options): Stored {
  using fixture = openStoreFixture();
  for (const [index, path] of files.entries()) {
    // Read twice is read as another file: a copy of the first.
    const gen = genOf(index + 1);
    for (const [number, job] of [...batchesOf(source, path, gen, options)].entries()) {
      take(fixture.commit(job).answers[0]?.frame, path);
      if (!options.isInterrupted) continue;
      if (number % 2 === 0) take(fixture.commit(job).answers[0]?.frame, path);
      if (number % 5 === 0) fixture.reopen();
    }
  }
  return readStored(fixture.path);
}

function take(answer: string | undefined, path: string): void {
  if (answer?.startsWith('{"type":"ack"') !== true || answer.includes('"code"')) throw new Error(`${path}: ${answer ?? 'no answer'}`);
}

/** `edges` of the folder: files of sessions that repeat others' history go first in one of the ways. */
export function arrivals(source: SourceKind, random: SeededRandom, edges: Collected['edges']): Arrival[] {
  const way = (name: string, order: (files: readonly string[]) => readonly string[], isInterrupted = false): Arrival => (
    { name, arrive: (files) => store(source, order(files), { isInterrupted }) }
  );
  const isFork = (path: string): boolean => edges.some(({ child }) => path.includes(child));
  return [
    way('file by file', (files) => files),
    way('files backwards', (files) => files.toReversed()),
    way('files shuffled', (files) => files.map((path) => ({ path, at: random.next() })).toSorted((a, b) => a.at - b.at).map(({ path }) => path)),
    way('forks first', (files) => files.toSorted((a, b) => Number(isFork(b)) - Number(isFork(a)))),
    way('interrupted', (files) => files, true),
    way('twice', (files) => [...files, ...files]),
  ];
}
