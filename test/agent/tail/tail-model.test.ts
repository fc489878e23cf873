import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Slice } from '../../../agent/feed.ts';
import { parseGeneration } from '../../../shared/ids.ts';
import type { Position } from '../../../shared/protocol/frames.ts';
import type { TailDeps } from '../../../agent/tail/tail.ts';
import { LIMITS, refuse, TailFixture } from '../support/tail-fixture.ts';

/**
 * Random histories against a model of the collector: it stores a slice only
 * behind what it has, asks for a rewind otherwise, may forget the newest it
 * stored, and its acknowledgements may be late, out of order or lost.
 */
const NAMES = ['x/a.jsonl', 'x/b.jsonl', 'y/a.jsonl', 'y/c.jsonl'] as const;
const name = fc.constantFrom(...NAMES);

type Action =
  | { do: 'append'; name: string; lines: number; part: number }
  | { do: 'truncate'; name: string; share: number; regrow: number }
  | { do: 'rewrite'; name: string; lines: number }
  | { do: 'rename' | 'copy'; name: string; to: string }
  | { do: 'delete' | 'hint' | 'replace'; name: string }
  | { do: 'read'; slices: number; bytes: number }
  | { do: 'store'; count: number; acknowledge: number }
  | { do: 'restart' | 'crash'; damage: 'none' | 'torn' | 'garbage' | 'deleted'; at: number }
  | { do: 'rewind'; at: number; to: number }
  | { do: 'look' | 'reconnect' | 'restore' };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), name, lines: fc.nat(4), part: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate' as const), name, share: fc.nat(100), regrow: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rewrite' as const), name, lines: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('rename' as const, 'copy' as const), name, to: name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'replace' as const), name }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hint' as const), name }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), slices: fc.nat(4), bytes: fc.constantFrom(1, 300, 100_000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('store' as const), count: fc.nat(4), acknowledge: fc.nat(100) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('restart' as const, 'crash' as const),
      damage: fc.constantFrom('none' as const, 'none' as const, 'torn' as const, 'garbage' as const, 'deleted' as const),
      at: fc.nat(2000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rewind' as const), at: fc.nat(20), to: fc.constantFrom(0, 0, 40) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('look' as const, 'look' as const, 'reconnect' as const, 'restore' as const) }) },
);

interface Ledger {
  offset: number;
  tail: string;
}

class Model {
  readonly fixture = new TailFixture();
  ledger = new Map<string, Ledger>();
  /** Yesterday's backup. */
  backup = new Map<string, Ledger>();
  backupLines = new Set<string>();
  stored = new Set<string>();
  /** Sent, in order, not stored yet. */
  sent: Slice[] = [];
  unacknowledged: Slice[] = [];
  /** Where each generation's slices of this connection end. */
  readonly readTo = new Map<string, number>();
  readonly numbers = new Map<string, number>();
  /** Lines that a look met and that were not overwritten since, by file; and those of files that are gone. */
  readonly #met = new Map<string, Set<string>>();
  readonly promised = new Set<string>();
  readonly #link: TailDeps['link'];
  #nextLine = 0;
  #touch = Math.floor(Date.now() / 1000) - 100_000;

  constructor(link?: TailDeps['link']) {
    this.#link = link;
  }

  open(): Promise<unknown> {
    return this.fixture.open({ link: this.#link });
  }

  /** From here on a deleted file's lines must arrive. */
  look(): void {
    this.fixture.look();
    for (const file of NAMES) this.#met.set(file, new Set(this.linesIn(file)));
  }

  /** The file at this name is removed, replaced or renamed over: what a look met of it is kept. */
  leave(file: string): void {
    for (const line of this.#met.get(file) ?? []) this.promised.add(line);
    this.#met.delete(file);
  }

  /** Its bytes were overwritten: what is not there any more is nobody's. */
  overwrite(file: string): void {
    const left = new Set(this.linesIn(file));
    this.#met.set(file, new Set([...(this.#met.get(file) ?? [])].filter((line) => left.has(line))));
  }

  line(): string {
    this.#nextLine += 1;
    return `line ${this.#nextLine} ${'é'.repeat(this.#nextLine % 40)}`;
  }

  path(file: string): string {
    return this.fixture.path(file);
  }

  /** A file system stamps at best every few ms; a test writes faster than that. */
  touched(file: string): void {
    this.#touch += 1;
    if (existsSync(this.path(file))) utimesSync(this.path(file), this.#touch, this.#touch);
  }

  append(file: string, lines: number, part: number): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    const text = Array.from({ length: lines }, () => `${this.line()}\n`).join('');
    const bytes = Buffer.from(part === 0 ? text : text + this.line());
    this.fixture.append(file, part === 0 ? bytes : bytes.subarray(0, bytes.length - (part % 5)));
    this.touched(file);
  }

  async run(step: Action): Promise<void> {
    switch (step.do) {
      case 'append': return this.append(step.name, step.lines, step.part);
      case 'truncate': return this.truncate(step.name, step.share, step.regrow);
      case 'rewrite':
        this.append(step.name, 0, 0);
        writeFileSync(this.path(step.name), '');
        this.overwrite(step.name);
        return this.append(step.name, step.lines, 0);
      case 'rename':
      case 'copy': return this.move(step.do, step.name, step.to);
      case 'delete':
        this.leave(step.name);
        if (existsSync(this.path(step.name))) unlinkSync(this.path(step.name));
        return;
      case 'replace':
        this.leave(step.name);
        if (existsSync(this.path(step.name))) unlinkSync(this.path(step.name));
        return this.append(step.name, 2, 0);
      case 'hint': return this.fixture.watcher?.tell(this.path(step.name), true);
      case 'look': return this.look();
      case 'read': return this.read(step.slices, step.bytes);
      case 'store': return this.store(step.count, step.acknowledge);
      case 'reconnect': return this.reconnect();
      case 'rewind': return this.rewind(step.at, step.to);
      case 'restore':
        this.ledger = new Map(this.backup);
        this.stored = new Set(this.backupLines);
        return this.reconnect();
      case 'restart':
      case 'crash': return this.restart(step.do, step.damage, step.at);
    }
  }

  truncate(file: string, share: number, regrow: number): void {
    if (!existsSync(this.path(file))) return;
    truncateSync(this.path(file), Math.floor((readFileSync(this.path(file)).length * share) / 100));
    this.touched(file);
    this.overwrite(file);
    if (regrow > 0) this.append(file, regrow, 0);
  }

  move(how: 'rename' | 'copy', from: string, to: string): void {
    if (!existsSync(this.path(from)) || from === to) return;
    mkdirSync(dirname(this.path(to)), { recursive: true });
    if (how === 'rename') {
      this.leave(to);
      renameSync(this.path(from), this.path(to));
      this.#met.set(to, this.#met.get(from) ?? new Set());
      this.#met.delete(from);
    } else {
      writeFileSync(this.path(to), readFileSync(this.path(from)));
      this.touched(to);
      this.overwrite(to);
    }
  }

  read(slices: number, bytes: number): void {
    for (let count = 0; count < slices; count += 1) {
      const lane = this.fixture.tail.hasWork('live') ? 'live' : 'backfill';
      const slice = this.fixture.tail.read(lane, { ...LIMITS, targetBytes: bytes });
      if (slice !== undefined) this.take(slice);
    }
  }

  take(slice: Slice): void {
    const { gen, from, to } = slice.file;
    must(from === (this.readTo.get(gen) ?? from), `a slice of ${gen} begins at ${from}`);
    this.readTo.set(gen, to);
    must(to > from, 'a slice holds bytes');
    // The carry-over is right wherever reading began: lines are numbered through the whole generation.
    const number = from === 0 ? 0 : this.numbers.get(`${gen}:${from}`);
    for (const [index, text] of slice.printed.entries()) {
      const { nth } = eventOf(text);
      must(number === undefined || nth === number + index + 1, `line ${nth} of ${gen} follows line ${number}`);
      this.numbers.set(`${gen}:${to}`, nth);
    }
    this.sent.push(slice);
  }

  async store(count: number, acknowledge: number): Promise<void> {
    for (const slice of this.sent.splice(0, count)) {
      const { gen, from, to, prev, tail } = slice.file;
      const known = this.ledger.get(gen) ?? { offset: 0, tail: '' };
      if (from > known.offset) {
        await this.again(() => this.fixture.tail.rewind(parseGeneration(gen)!, known.offset, { replace: false }), gen);
        continue;
      }
      const isOther = from === known.offset ? prev !== known.tail : to === known.offset && tail !== known.tail;
      if (known.offset > 0 && isOther) {
        await this.again(() => this.fixture.tail.reset(parseGeneration(gen)!), gen);
        continue;
      }
      for (const text of slice.printed) this.stored.add(eventOf(text).line);
      if (to > known.offset) this.ledger.set(gen, { offset: to, tail });
      this.unacknowledged.push(slice);
    }
    const late = this.unacknowledged.splice(0).filter((slice, index) => {
      if ((acknowledge + index) % 3 === 0) return true;
      this.fixture.tail.acknowledge(slice.receipt);
      if (acknowledge % 5 === 0) this.fixture.tail.acknowledge(slice.receipt);
      return false;
    });
    this.unacknowledged = late;
  }

  async again(what: () => Promise<void>, gen: string): Promise<void> {
    await what();
    this.readTo.delete(gen);
    this.sent = this.sent.filter((slice) => slice.file.gen !== gen);
    this.unacknowledged = this.unacknowledged.filter((slice) => slice.file.gen !== gen);
  }

  /** A person asks for it: what is on the way still arrives. */
  async rewind(at: number, to: number): Promise<void> {
    const positions = [...this.fixture.tail.positions()];
    const [gen] = positions[at % Math.max(1, positions.length)] ?? [];
    if (gen === undefined) return;
    await this.fixture.tail.rewind(gen, to, { replace: false });
    this.readTo.delete(gen);
  }

  async reconnect(): Promise<void> {
    this.sent = [];
    this.unacknowledged = [];
    this.readTo.clear();
    this.fixture.tail.resync();
    const positions = [...this.ledger].map(([gen, { offset, tail }]): Position => [gen, offset, tail]);
    for (const gen of await this.fixture.tail.settle(positions)) this.ledger.delete(gen);
    this.checkPositions();
  }

  async restart(how: 'restart' | 'crash', damage: string, at: number): Promise<void> {
    const { checkpointDir } = this.fixture;
    const saved = `${checkpointDir}.saved`;
    if (how === 'crash' && existsSync(checkpointDir)) cpSync(checkpointDir, saved, { recursive: true });
    await this.fixture.tail.close();
    if (how === 'crash') {
      rmSync(checkpointDir, { recursive: true, force: true });
      if (existsSync(saved)) renameSync(saved, checkpointDir);
    }
    if (damage === 'deleted') rmSync(checkpointDir, { recursive: true, force: true });
    for (const file of existsSync(checkpointDir) ? readdirSync(checkpointDir) : []) {
      const path = join(checkpointDir, file);
      const bytes = readFileSync(path);
      if (damage === 'torn' && file.startsWith('journal')) truncateSync(path, Math.min(at, bytes.length));
      if (damage === 'garbage' && bytes.length > 0) {
        bytes[at % bytes.length] = 7;
        writeFileSync(path, bytes);
      }
    }
    await this.open();
    await this.reconnect();
  }

  checkPositions(): void {
    for (const [gen, offset] of this.fixture.tail.positions()) {
      const stored = this.ledger.get(gen)?.offset ?? 0;
      // Its file was cut with slices on the way: an offset that no ledger can have.
      if (!Number.isInteger(offset)) continue;
      must(offset <= stored, `the checkpoint ${offset} of ${gen} passed ${stored}`);
    }
  }

  makeBackup(): void {
    this.backup = new Map(this.ledger);
    this.backupLines = new Set(this.stored);
  }

  /** All complete lines that are in the files now. */
  lines(): string[] {
    return NAMES.flatMap((file) => this.linesIn(file));
  }

  linesIn(file: string): string[] {
    if (!existsSync(this.path(file))) return [];
    const bytes = readFileSync(this.path(file));
    const end = bytes.lastIndexOf(10);
    return end === -1 ? [] : bytes.subarray(0, end).toString().split('\n').filter((line) => line !== '');
  }

  async settleDown(): Promise<void> {
    await this.reconnect();
    for (let round = 0; round < 50; round += 1) {
      this.fixture.look();
      this.read(20, 100_000);
      if (this.sent.length === 0 && round > 2) break;
      await this.store(1000, 1);
      for (const slice of this.unacknowledged.splice(0)) this.fixture.tail.acknowledge(slice.receipt);
    }
  }
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong: ${what}`);
}

function eventOf(text: string): { nth: number; line: string } {
  const event: unknown = JSON.parse(text);
  if (typeof event !== 'object' || event === null || !('nth' in event && 'line' in event)) throw new Error(text);
  return { nth: Number(event.nth), line: String(event.line) };
}

describe('the tailer in random histories', () => {
  it.each([
    ['linked', undefined, true],
    // Of a copy the acknowledged part is not kept, so the collector may not forget it.
    ['copied', () => refuse('EXDEV'), false],
  ] as const)('delivers every line that is there, and of kept files (%s) every line it met; no checkpoint passes what is not stored', async (_how, link, mayRestore) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 80 }), async (steps) => {
        const model = new Model(link);
        await using _fixture = model.fixture;
        await model.open();
        for (const [index, step] of steps.entries()) {
          if (mayRestore || step.do !== 'restore') await model.run(step);
          model.checkPositions();
          if (index % 17 === 9) model.makeBackup();
        }
        await model.settleDown();
        const missing = [...model.lines(), ...model.promised].filter((line) => !model.stored.has(line));
        expect(missing).toEqual([]);
        expect(model.fixture.tail.status().backlogBytes).toBe(0);
        expect(model.fixture.tail.status().drainedAt).not.toBeNull();
      }),
      { numRuns: Number(process.env['MODEL_RUNS'] ?? 200), endOnFailure: false },
    );
  }, 600_000);
});
