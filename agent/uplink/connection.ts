/**
 * One connection to the collector, from hello to close.
 *
 *   greeting ─► settling ─► open ─► draining ─► closed
 *
 * Before the welcome is proved genuine nothing is sent but hello and nothing
 * received counts. Frames are handled one after the other, so a `rewind` is
 * durable before anything behind it is looked at, unless the disk refuses it: then
 * it holds as long as this agent runs, and the next one learns it from the ledger.
 */
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { PING_INTERVAL_MS, STATUS_INTERVAL_MS, WIRE_LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import { decodeCollectorFrame, encodeFrame } from '../../shared/protocol/codec.ts';
import type { FrameSocket, FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import {
  FATAL_GOODBYES,
  type BusyFrame, type CollectorFrame, type GoodbyeCode, type HelloFrame, type LedgerFrame, type Position, type RewindFrame,
  type WelcomeFrame,
} from '../../shared/protocol/frames.ts';
import { createLiveness, type Liveness } from '../../shared/protocol/liveness.ts';
import { parseGeneration } from '../../shared/ids.ts';
import type { Feed, SliceReceipt } from '../feed.ts';
import type { Probes } from '../probes.ts';
import type { Mirror } from '../archive/mirror.ts';
import { createArchiveLane, type ArchiveLane } from './archive-lane.ts';
import { createGapTelling } from './gap-telling.ts';
import { createSender, type Sender } from './sender.ts';
import { toStatusFrame } from './status-frame.ts';

/** Why a connection is over. */
export interface ConnectionEnd {
  /** A goodbye's code, else `closed`, `dead`, `impostor`, `protocol_error`, `stopped`. */
  code: GoodbyeCode | 'closed' | 'dead' | 'impostor' | 'stopped';
  message: string;
  /** The collector had proved itself before: its word counts. */
  isProven: boolean;
  /** Something was acknowledged on it: the way works. */
  hasAcks: boolean;
  /** A person must act first; only ever with `isProven`. */
  isFatal: boolean;
}

export interface ConnectionDeps {
  clock: Clock;
  log: Log;
  feed: Feed;
  /** Undefined when the welcome is genuine, else why not. */
  distrust: (welcome: WelcomeFrame, hello: HelloFrame) => Promise<string | undefined>;
  /** The connection became open, or is so no more. */
  onOpenChange: () => void;
  /** What the collector calls this machine; after it has proved itself. */
  onLabel?: ((label: string) => void) | undefined;
  probes?: Pick<Probes, 'asked' | 'sent' | 'answered'> | undefined;
  mirror?: Mirror | undefined;
}

export interface ConnectionOptions {
  hello: HelloFrame;
  /** False on loopback, where it would only cost time. */
  mayCompress: boolean;
}

const IN_DOUBT = 'what was on its way went from the disk: the next connection asks what was stored';
/** A collector that is asked while it replaces an older connection needs 2 s for that alone. */
const WELCOME_TIMEOUT_MS = 15_000;
/** A batch unanswered for so long is sent again over a new connection. */
const ANSWER_TIMEOUT_MS = 120_000;
/** Status frames on change come at most this often. */
const STATUS_COALESCE_MS = 1000;
const WAKE_PING_MS = 5000;
const CLOSED_GENS_PER_FRAME = 5000;

type State = 'greeting' | 'settling' | 'open' | 'draining' | 'closed';

export class UplinkConnection implements FrameSocketEvents {
  /** Resolves once, when the socket is closed and every frame before that is handled. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #socket: FrameSocket;
  readonly #deps: ConnectionDeps;
  readonly #options: ConnectionOptions;
  readonly #liveness: Liveness;
  readonly #cancels = new Set<() => void>();
  readonly #whenIdle = new Set<() => void>();
  #resolveEnded: (end: ConnectionEnd) => void = () => {};
  #state: State = 'greeting';
  #isProven = false;
  #hasAcks = false;
  #end: Pick<ConnectionEnd, 'code' | 'message'> | undefined;
  #work: Promise<void> = Promise.resolve();
  #ledger: Position[] = [];
  readonly #telling = createGapTelling();
  #sender: Sender | undefined;
  #archive: ArchiveLane | undefined;
  #cancelStatus: (() => void) | undefined;
  #statusSentAt = Number.NEGATIVE_INFINITY;

  constructor(socket: FrameSocket, deps: ConnectionDeps, options: ConnectionOptions) {
    this.#socket = socket;
    this.#deps = deps;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#liveness = createLiveness({
      clock: deps.clock,
      ping: () => socket.ping(),
      onDead: () => this.#cut('dead', 'nothing was heard for 40 s'),
    });
    this.#cancels.add(deps.clock.after(WELCOME_TIMEOUT_MS, () => {
      if (!this.#isProven) this.#cut('dead', `no welcome came within ${WELCOME_TIMEOUT_MS / 1000} s`);
    }));
    this.#cancels.add(deps.clock.every(PING_INTERVAL_MS, () => this.#checkAnswers()));
    socket.send(encodeFrame(options.hello));
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  onAlive(): void {
    this.#liveness.heard();
  }

  onFrame(data: Buffer, isBinary: boolean): void {
    this.#liveness.heard();
    if (this.#state === 'closed') return;
    const decoded = isBinary ? { ok: false as const, reason: 'a binary frame' } : decodeCollectorFrame(data.toString('utf8'));
    this.#work = this.#work
      .then(() => (decoded.ok ? this.#take(decoded.frame) : this.#cut('protocol_error', `what came is no frame: ${decoded.reason}`)))
      .catch((error: unknown) => {
        this.#deps.log.error({ error: messageOf(error) }, 'a frame of the collector could not be obeyed');
        this.#cut('protocol_error', messageOf(error));
      });
  }

  onClose(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    // Frames that arrived before the close are handled before it counts.
    this.#work = this.#work.then(() => this.#finish(code, reason));
  }

  /** The feed may have become readable. */
  onWork(): void {
    this.#sender?.pump();
    this.#archive?.pump();
    this.#statusSoon();
  }

  /** The clock jumped: the machine slept, and the other end may be long gone. */
  checkSoon(): void {
    this.#liveness.check(WAKE_PING_MS).then((isAlive) => {
      if (!isAlive) this.#cut('dead', 'no answer after the machine woke up');
    }).catch((error: unknown) => this.#cut('dead', messageOf(error)));
  }

  /** Sends nothing new; resolves when everything sent is answered, or the connection is over. */
  drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining';
    this.#sender?.stop();
    this.#archive?.stop();
    return new Promise((resolve) => {
      this.#whenIdle.add(resolve);
      this.#checkIdle();
    });
  }

  /** Tells the last status and closes. */
  close(message: string): void {
    if (this.#state === 'draining') this.#sendStatus();
    this.#end ??= { code: 'stopped', message };
    this.#socket.close(1001, message);
    this.#cancels.add(this.#deps.clock.after(2000, () => this.#socket.terminate()));
  }

  /** Ends it now, without a word. */
  abandon(message: string): void {
    this.#cut('stopped', message);
  }

  #cut(code: ConnectionEnd['code'], message: string): void {
    if (this.#state === 'closed') return;
    this.#end ??= { code, message };
    this.#socket.terminate();
  }

  #finish(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open' || this.#state === 'draining';
    this.#state = 'closed';
    for (const cancel of this.#cancels) cancel();
    this.#cancelStatus?.();
    this.#liveness.close();
    this.#sender?.stop();
    this.#archive?.stop();
    if (wasOpen) this.#deps.onOpenChange();
    this.#checkIdle();
    const end = this.#end ?? { code: 'closed' as const, message: reason === '' ? `closed with code ${code}` : reason };
    this.#resolveEnded({
      ...end,
      isProven: this.#isProven,
      hasAcks: this.#hasAcks,
      isFatal: this.#isProven && isFatal(end.code),
    });
  }

  #take(frame: CollectorFrame): void | Promise<void> {
    if (this.#state === 'closed') return undefined;
    if (frame.type === 'goodbye') {
      this.#end ??= { code: frame.code, message: frame.hint };
      return undefined;
    }
    if (frame.type === 'welcome') return this.#state === 'greeting' ? this.#onWelcome(frame) : undefined;
    // A stranger's acks and rewinds would move our checkpoints.
    if (!this.#isProven) return this.#cut('impostor', `${frame.type} came before a welcome`);
    switch (frame.type) {
      case 'ledger': return this.#onLedger(frame);
      case 'ack': return this.#onAck(frame.seq, frame.refused.length);
      case 'rewind': return this.#onRewind(frame);
      case 'busy':
      case 'disk_full': return this.#onBusy(frame);
      case 'archive':
      case 'holdings':
      case 'archived':
      case 'audit': return this.#state === 'open' ? this.#archive?.take(frame) : undefined;
      case 'probe': return frame.hops.length === 0 ? this.#deps.probes?.asked(frame.id) : this.#deps.probes?.answered(frame);
    }
  }

  async #onWelcome(welcome: WelcomeFrame): Promise<void> {
    const doubt = await this.#deps.distrust(welcome, this.#options.hello);
    if (doubt !== undefined) {
      return this.#cut('impostor', `what answered could not prove that it is the collector this machine joined (${doubt})`);
    }
    this.#isProven = true;
    if (welcome.label !== undefined) this.#deps.onLabel?.(welcome.label);
    this.#sender = createSender(
      { ...this.#deps, socket: this.#socket, onSent: (receipts, paths) => this.#onSent(receipts, paths) },
      { limits: within(welcome), capabilities: welcome.capabilities, mayCompress: this.#options.mayCompress },
    );
    this.#archive = this.#createArchiveLane(this.#sender);
    this.#state = 'settling';
    if (welcome.settled) this.#open();
  }

  #createArchiveLane(sender: Sender): ArchiveLane | undefined {
    const { clock, mirror } = this.#deps;
    return mirror && createArchiveLane(
      { clock, mirror, socket: this.#socket, eventsWait: () => sender.hasWork, isLiveBusy: () => sender.isLiveBusy },
      { mayCompress: this.#options.mayCompress },
    );
  }

  async #onLedger(frame: LedgerFrame): Promise<void> {
    if (this.#state !== 'settling') return;
    this.#ledger.push(...frame.positions);
    if (!frame.last) return;
    const unknown = await this.#deps.feed.settle(this.#ledger);
    this.#ledger = [];
    for (let start = 0; start < unknown.length; start += CLOSED_GENS_PER_FRAME) {
      this.#socket.send(encodeFrame({ type: 'closed', gens: unknown.slice(start, start + CLOSED_GENS_PER_FRAME) }));
    }
    this.#open();
  }

  #open(): void {
    if (this.#state !== 'settling') return;
    this.#state = 'open';
    this.#sendStatus();
    this.#cancels.add(this.#deps.clock.every(STATUS_INTERVAL_MS, () => this.#sendStatus()));
    this.#deps.onOpenChange();
    this.#sender?.resume();
  }

  #onAck(seq: number, refused: number): void {
    const receipts = this.#sender?.window.acked(seq) ?? [];
    for (const receipt of receipts) this.#deps.feed.acknowledge(receipt);
    const told = this.#telling.acknowledged(seq);
    if (told.length > 0) this.#deps.feed.told(told);
    if (refused > 0) this.#deps.log.warn({ seq, refused }, 'the collector refused events; they are dead letters on its page');
    this.#hasAcks = true;
    this.#statusSoon();
    this.#checkIdle();
    this.#sender?.pump();
    this.#archive?.pump();
  }

  /** A probe goes behind the batch that has its line. */
  #onSent(receipts: readonly SliceReceipt[], paths: readonly string[]): void {
    this.#statusSoon();
    this.#deps.mirror?.grew(paths);
    for (const probe of this.#deps.probes?.sent(receipts) ?? []) this.#socket.send(encodeFrame(probe));
  }

  async #onRewind(frame: RewindFrame): Promise<void> {
    const sender = this.#sender;
    const gen = parseGeneration(frame.gen);
    if (!sender || gen === undefined) return;
    const { seq } = frame;
    const { feed, log } = this.#deps;
    // What was in flight behind a batch that was not taken is not taken either; it was given up already.
    if (seq !== null && !sender.answeredByRewind(seq)) return sender.pump();
    log.info({ gen, seq, to: 'to' in frame ? frame.to : 'reset' }, 'the collector asks for a file again');
    if (seq !== null) sender.forget();
    if ('reset' in frame) await feed.reset(gen);
    else await feed.rewind(gen, frame.to, { replace: frame.replace === true });
    // Asked for without a batch: the other files have nothing to do with it.
    if (seq !== null && feed.resync()) return this.#cut('closed', IN_DOUBT);
    this.#checkIdle();
    sender.resume();
  }

  #onBusy(frame: BusyFrame): void {
    const sender = this.#sender;
    if (!sender) return;
    const isNews = sender.window.awaits(frame.seq);
    sender.window.refused(frame.seq);
    sender.pause(frame.retry_ms);
    if (!isNews) return;
    sender.forget();
    if (this.#deps.feed.resync()) return this.#cut('closed', IN_DOUBT);
    this.#checkIdle();
    sender.resume();
  }

  #checkAnswers(): void {
    const oldest = this.#sender?.window.oldestSentAt;
    if (oldest === undefined || this.#deps.clock.monotonic() - oldest < ANSWER_TIMEOUT_MS) return;
    this.#cut('dead', `a batch was not answered within ${ANSWER_TIMEOUT_MS / 1000} s`);
  }

  #checkIdle(): void {
    if (this.#state !== 'closed' && this.#sender && !this.#sender.window.isIdle) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle.clear();
  }

  #statusSoon(): void {
    if (this.#state !== 'open' || this.#cancelStatus) return;
    const wait = Math.max(0, this.#statusSentAt + STATUS_COALESCE_MS - this.#deps.clock.monotonic());
    this.#cancelStatus = this.#deps.clock.after(wait, () => {
      this.#cancelStatus = undefined;
      this.#sendStatus();
    });
  }

  #sendStatus(): void {
    if (this.#state !== 'open' && this.#state !== 'draining') return;
    this.#statusSentAt = this.#deps.clock.monotonic();
    const { feed, clock, mirror } = this.#deps;
    const status = feed.status();
    const gaps = this.#telling.next({ all: status.gaps, untold: feed.untold() }, this.#sender?.window.nextSeq ?? 0);
    this.#socket.send(encodeFrame(toStatusFrame({ ...status, gaps }, clock, mirror?.report())));
  }
}

function isFatal(code: ConnectionEnd['code']): boolean {
  const codes: ReadonlySet<string> = FATAL_GOODBYES;
  return codes.has(code);
}

/** What the collector announces, but never more than this version was built for. */
function within({ limits }: WelcomeFrame): WelcomeFrame['limits'] {
  const lower = (ours: number, theirs: number): number => (theirs > 0 ? Math.min(ours, theirs) : ours);
  return {
    frameBytes: lower(WIRE_LIMITS.frameBytes, limits.frameBytes),
    batchBytes: lower(WIRE_LIMITS.batchBytes, limits.batchBytes),
    batchEvents: lower(WIRE_LIMITS.batchEvents, limits.batchEvents),
    eventBytes: lower(WIRE_LIMITS.eventBytes, limits.eventBytes),
    liveWindowBytes: lower(WIRE_LIMITS.liveWindowBytes, limits.liveWindowBytes),
    backfillWindowBytes: lower(WIRE_LIMITS.backfillWindowBytes, limits.backfillWindowBytes),
  };
}
