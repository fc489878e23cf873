/** A mirror and an archive with a wire between them that a test can cut; real files at both ends. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createMirror, type Mirror } from '../../agent/archive/mirror.ts';
import { createProjectRule } from '../../agent/archive/project-rule.ts';
import { createArchiveLane, type ArchiveLane } from '../../agent/uplink/archive-lane.ts';
import { createArchiveDesk, type ArchiveDesk } from '../../collector/archive/archive-desk.ts';
import type { ArchiveSession } from '../../collector/archive/machine-desk.ts';
import type { EnrolledMachine } from '../../collector/enrolment/machine-registry.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { decodeChunk } from '../../shared/protocol/chunk.ts';
import { decodeAgentFrame, decodeCollectorFrame, encodeFrame } from '../../shared/protocol/codec.ts';
import type { ArchiveReport, CollectorFrame } from '../../shared/protocol/frames.ts';
import type { Config } from '../../shared/config.ts';
import { ManualClock } from './manual-clock.ts';

export const MACHINE = parseMachineId('00000000-0000-4000-8000-00000000a0a0')!;

export interface ArchiveStageOptions {
  config?: Partial<Pick<Config, 'archive' | 'texts' | 'projects'>>;
  reserveBytes?: number;
}

interface Wire {
  lane: ArchiveLane;
  session: ArchiveSession;
  isCut: boolean;
}

export class ArchiveStage {
  readonly clock = new ManualClock();
  readonly home = mkdtempSync(join(tmpdir(), 'tt-archive-'));
  readonly projects = join(this.home, '.claude', 'projects');
  readonly otherProjects = join(this.home, '.config', 'claude', 'projects');
  readonly archiveDir = join(this.home, 'archive');
  /** As `tt archive on` says. */
  on = true;
  /** Sessions that `tt forget` keeps out. */
  readonly forgotten = new Set<string>();
  kept: { path: string; at: string }[] = [];
  reserveBytes: number;
  eventsWait = false;
  isLiveBusy = false;
  /** Chunks that crossed the wire: name and bytes. */
  readonly chunks: { name: string; bytes: number }[] = [];
  readonly offers: string[] = [];
  offerFrames = 0;
  /** Cuts the wire instead of delivering this many frames from now. */
  cutAfter = Number.POSITIVE_INFINITY;
  readonly mirror: Mirror;
  desk: ArchiveDesk;
  #connection: Wire | undefined;
  #busy = 0;

  constructor({ config = {}, reserveBytes = 0 }: ArchiveStageOptions = {}) {
    mkdirSync(this.projects, { recursive: true });
    this.reserveBytes = reserveBytes;
    this.mirror = createMirror({
      clock: this.clock, log: silentLog, roots: [this.projects, this.otherProjects], kept: () => this.kept,
      rule: createProjectRule({ archive: true, texts: 'redacted', projects: {}, ...config }),
    });
    this.desk = this.#createDesk();
  }

  #createDesk(): ArchiveDesk {
    const readReserve = (): number => this.reserveBytes;
    return createArchiveDesk({
      clock: this.clock, log: silentLog, archiveDir: this.archiveDir,
      get reserveBytes() {
        return readReserve();
      },
      registry: { byId: () => ({ archive: this.on }) as EnrolledMachine, onChange: () => () => {} },
      forgotten: (_machine: MachineId, names: string[]) => Promise.resolve(names.flatMap((name, index) => ([...this.forgotten].some((id) => name.includes(id)) ? [index] : []))),
    });
  }

  connect(): void {
    const connection = { isCut: false } as Wire;
    const passes = (): boolean => {
      this.cutAfter -= 1;
      if (this.cutAfter < 0) this.cut();
      return !connection.isCut;
    };
    const toAgent = (frame: CollectorFrame): void => {
      if (frame.type === 'archived') this.#unanswered -= 1;
      this.#soon(() => {
        if (!passes()) return;
        const decoded = decodeCollectorFrame(encodeFrame(frame));
        if (!decoded.ok) throw new Error(decoded.reason);
        if (['archive', 'holdings', 'archived', 'audit'].includes(decoded.frame.type)) connection.lane.take(decoded.frame as never);
      });
    };
    const toCollector = (data: string | Uint8Array): void => {
      const bytes = Buffer.from(data);
      this.#soon(() => {
        if (!passes()) return;
        const broken = typeof data === 'string' ? this.#text(connection.session, data) : this.#chunk(connection.session, bytes);
        if (broken !== undefined) throw new Error(broken);
      });
    };
    connection.lane = createArchiveLane({
      clock: this.clock, mirror: this.mirror, eventsWait: () => this.eventsWait, isLiveBusy: () => this.isLiveBusy,
      socket: { send: (data) => (toCollector(data), true), bufferedBytes: 0, ping() {}, close() {}, terminate() {} },
    }, { mayCompress: true });
    connection.session = this.desk.open(MACHINE, toAgent);
    this.#connection = connection;
  }

  #soon(task: () => void): void {
    this.#busy += 1;
    setImmediate(() => {
      this.#busy -= 1;
      task();
    });
  }

  #text(session: ArchiveSession, text: string): string | undefined {
    const decoded = decodeAgentFrame(text);
    if (!decoded.ok) return decoded.reason;
    if (decoded.frame.type === 'audited') session.audited(decoded.frame);
    if (decoded.frame.type !== 'offer') return undefined;
    this.offerFrames += 1;
    this.offers.push(...decoded.frame.files.map(({ name }) => name));
    return session.offer(decoded.frame);
  }

  #chunk(session: ArchiveSession, frame: Buffer): string | undefined {
    const decoded = decodeChunk(frame);
    if (decoded.ok) this.chunks.push({ name: decoded.chunk.header.name, bytes: decoded.chunk.bytes.length });
    const broken = session.chunk(frame);
    this.#unanswered += 1;
    return broken;
  }

  #unanswered = 0;

  /** Sent and not answered. */
  get chunksOnTheWay(): number {
    return this.#unanswered;
  }

  get lane(): ArchiveLane {
    if (this.#connection === undefined) throw new Error('not connected');
    return this.#connection.lane;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** What is on the wire is gone. */
  cut(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    connection.isCut = true;
    this.cutAfter = Number.POSITIVE_INFINITY;
    connection.lane.stop();
    connection.session.close();
  }

  /** The collector's process ends and another begins; the disk stays. */
  async restartCollector(): Promise<void> {
    this.cut();
    await this.desk.idle();
    this.desk = this.#createDesk();
  }

  /** Until nothing is to be sent and nothing is on the way. */
  async settle(passMs = 5): Promise<void> {
    for (let quiet = 0; quiet < 4;) {
      this.clock.advance(passMs);
      await new Promise((resolve) => setImmediate(resolve));
      await this.desk.idle();
      quiet = this.#busy === 0 && !(this.isConnected && this.mirror.hasWork()) ? quiet + 1 : 0;
    }
  }

  /** Some rounds, whether or not there is work left. */
  async settleQuietly(): Promise<void> {
    for (let round = 0; round < 30; round += 1) {
      this.clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
      await this.desk.idle();
    }
  }

  /** As after a minute: everything was looked at. */
  async lookAndSettle(): Promise<void> {
    this.clock.advance(61_000);
    await this.settle();
  }

  report(): ArchiveReport {
    return this.mirror.report();
  }

  path(name: string): string {
    return join(this.projects, name);
  }

  write(name: string, content: string | Buffer): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  archived(name: string): string | undefined {
    try {
      return readFileSync(join(this.archiveDir, MACHINE, 'projects', name), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Everything in the archive: name → content; of large files their hash. */
  archive(): Record<string, string> {
    return filesBelow(join(this.archiveDir, MACHINE, 'projects'));
  }

  source(): Record<string, string> {
    return filesBelow(this.projects);
  }

  [Symbol.dispose](): void {
    this.cut();
    this.mirror.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}

export function filesBelow(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (at: string, prefix: string): void => {
    let entries;
    try {
      entries = readdirSync(at, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      if (entry.isDirectory()) walk(join(at, entry.name), `${prefix}${entry.name}/`);
      else if (entry.isFile()) found[prefix + entry.name] = readable(readFileSync(join(at, entry.name)));
    }
  };
  walk(directory, '');
  return Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function readable(content: Buffer): string {
  return content.length <= 4096 ? content.toString('latin1') : `${content.length} bytes ${createHash('sha256').update(content).digest('hex')}`;
}
