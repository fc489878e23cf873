// Any sequence of what sessions, processes, files and agents do, looked at whenever.
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rotateEventLog } from '../../../agent/event-log/segments.ts';
import { LIVENESS_MS, openRegistryWatch, type RegistryWatch } from '../../../agent/registry/registry-watch.ts';
import { RESCAN_MS } from '../../../shared/limits.ts';
import { silentLog } from '../../../shared/log.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { MACHINE } from '../../support/extraction.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { modelProcesses } from '../../support/model-processes.ts';

interface Running {
  pid: number;
  procStart: string;
  sessionId: string;
  status: string;
  statusUpdatedAt: number;
}

interface Line {
  id: string;
  timestamp: string;
  pid: number;
  session_id: string;
  status: string;
}

const START_MS = Date.UTC(2026, 10, 21, 9);
const slot = fc.integer({ min: 0, max: 2 });
const session = fc.constantFrom('s-one', 's-two', 's-three');
const action = fc.oneof(
  fc.record({ do: fc.constant('start' as const), slot, session }),
  fc.record({ do: fc.constant('status' as const), slot, status: fc.constantFrom('busy', 'idle', 'waiting') }),
  fc.record({ do: fc.constant('switch' as const), slot, session }),
  fc.record({ do: fc.constantFrom('halve' as const, 'kill' as const, 'exit' as const), slot }),
  fc.record({ do: fc.constantFrom('look' as const, 'look' as const, 'wait' as const, 'restart' as const, 'rotate' as const) }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly top = mkdtempSync(join(tmpdir(), 'tt-registry-model-'));
  readonly statusLog = join(this.top, 'data', 'status.jsonl');
  readonly running = new Map<number, Running>();
  readonly #sessions = join(this.top, 'claude', 'sessions');
  readonly #clock = new ManualClock(START_MS + 60_000);
  readonly #processes = modelProcesses({
    isRunning: (pid, procStart) => [...this.running.values()].some((one) => one.pid === pid && one.procStart === procStart),
  });
  #registry: RegistryWatch;
  #time = START_MS;

  constructor() {
    mkdirSync(this.#sessions, { recursive: true });
    this.#registry = this.#open();
  }

  #open(): RegistryWatch {
    return openRegistryWatch([join(this.top, 'claude')], {
      clock: this.#clock, processes: this.#processes, machineId: MACHINE, statusLog: this.statusLog, openStatusesFile: join(this.top, 'state', 'open-statuses.jsonl'), log: silentLog,
      watch: () => ({ add() {}, remove() {}, close: () => Promise.resolve() }),
    });
  }

  fileOf(at: number): string {
    return join(this.#sessions, `${100 + at}.json`);
  }

  write(at: number, change: Partial<Running>): void {
    const one = this.running.get(at);
    if (one === undefined) return;
    this.#time += 1000;
    Object.assign(one, change, { statusUpdatedAt: this.#time });
    writeFileSync(this.fileOf(at), JSON.stringify(one));
  }

  async act(step: Action): Promise<void> {
    switch (step.do) {
      case 'start':
        if (this.running.has(step.slot)) return;
        this.running.set(step.slot, { pid: 100 + step.slot, procStart: String(this.#time += 1), sessionId: step.session, status: 'idle', statusUpdatedAt: 0 });
        return this.write(step.slot, {});
      case 'status': return this.write(step.slot, { status: step.status });
      case 'switch': return this.write(step.slot, { sessionId: step.session, status: 'idle' });
      case 'halve':
        if (this.running.has(step.slot)) truncateSync(this.fileOf(step.slot), 9);
        return;
      case 'kill':
        this.running.delete(step.slot);
        return;
      case 'exit':
        if (this.running.delete(step.slot)) rmSync(this.fileOf(step.slot));
        return;
      case 'look': return this.#registry.lookNow();
      case 'wait': return this.#clock.advance(LIVENESS_MS);
      case 'rotate':
        rotateEventLog(this.statusLog, 1, this.#clock);
        this.#clock.advance(1);
        return;
      case 'restart':
        await this.#registry.close();
        this.#registry = this.#open();
        return;
      default: throw new Error(String(step satisfies never));
    }
  }

  /** Everything at rest and looked at. */
  settle(): void {
    for (const [at, one] of this.running) writeFileSync(this.fileOf(at), JSON.stringify(one));
    this.#clock.advance(RESCAN_MS);
  }

  lines(): Line[] {
    const directory = join(this.top, 'data');
    mkdirSync(directory, { recursive: true });
    appendFileSync(this.statusLog, '');
    const names = readdirSync(directory).filter((name) => name !== 'status.jsonl').toSorted();
    return [...names, 'status.jsonl'].flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
      .filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry.close();
    rmSync(this.top, { recursive: true, force: true });
  }
}

describe('the registry, whatever happens', () => {
  it('says each thing once, in order, what runs as it is and what ended as gone', async () => {
    await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (steps) => {
      await using world = new World();
      for (const step of steps) await world.act(step);
      world.settle();
      const lines = world.lines();
      expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);

      const last = new Map<string, Line>();
      for (const line of lines) {
        const key = `${line.session_id}:${line.pid}`;
        expect(line.timestamp >= (last.get(key)?.timestamp ?? '')).toBe(true);
        last.set(key, line);
      }
      const live = new Map([...world.running.values()].map((one) => [`${one.sessionId}:${one.pid}`, one]));
      for (const [key, { status, statusUpdatedAt }] of live) {
        expect(last.get(key)).toMatchObject({ status, timestamp: printTimestamp(statusUpdatedAt) });
      }
      const isRunBefore = (line: Line): boolean => [...live.values()].some(({ sessionId, statusUpdatedAt }) =>
        sessionId === line.session_id && printTimestamp(statusUpdatedAt) <= line.timestamp);
      const ended = [...last].filter(([key]) => !live.has(key)).map(([, line]) => line);
      // Of a process that ended before anybody saw it nothing proves where it ran.
      expect(ended.filter((line) => 'proc_start' in line && line.status !== 'gone' && !isRunBefore(line))).toEqual([]);
      expect(lines.filter((line) => line.status === 'gone' && !('proc_start' in line))).toEqual([]);
    }), { numRuns: Number(process.env['REGISTRY_RUNS'] ?? 150) });
  }, 60_000);
});
