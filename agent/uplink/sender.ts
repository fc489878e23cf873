/** Turns what the feed has into batch frames, as far as credit reaches. Live lines go first, at once. */
import type { Clock } from '../../shared/clock.ts';
import { EXTRACTION_SCHEMA_VERSION } from '../../shared/event.ts';
import type { Log } from '../../shared/log.ts';
import { TARGET_FRAME_BYTES } from '../../shared/limits.ts';
import { encodeBatchBytes } from '../../shared/protocol/codec.ts';
import { compressFrame } from '../../shared/protocol/compression.ts';
import type { FrameSocket } from '../../shared/protocol/frame-socket.ts';
import { CAPABILITIES, type Lane, type WireLimits } from '../../shared/protocol/frames.ts';
import type { Feed, SliceReceipt } from '../feed.ts';
import { createBatcher } from './batcher.ts';
import { createPacing } from './pacing.ts';
import { SendWindow } from './window.ts';

export interface Sender {
  readonly window: SendWindow;
  /** Sends one batch if there is one and credit for it; more follow by themselves. */
  pump(): void;
  /** Sends nothing for so long. */
  pause(ms: number): void;
  /** Something can be read that was not sent, or must not be sent yet. */
  readonly hasWork: boolean;
  /** Live lines were sent a moment ago. */
  readonly isLiveBusy: boolean;
  /** Gives up what is in flight; nothing is read until `resume`, because the feed is about to go back. */
  forget(): void;
  /** Reads and sends, from now on; a new sender does nothing before. */
  resume(): void;
  /** A batch was answered by `rewind`. True when that says something new: it was waited for, or is the one just rewound. */
  answeredByRewind(seq: number): boolean;
  stop(): void;
}

export interface SenderDeps {
  clock: Clock;
  log: Log;
  feed: Feed;
  socket: FrameSocket;
  /** A batch left, with what these stand for, of these files. */
  onSent: (receipts: readonly SliceReceipt[], paths: readonly string[]) => void;
}

export interface SenderOptions {
  limits: WireLimits;
  capabilities: readonly string[];
  mayCompress: boolean;
}

/** In the order in which they are served. */
const LANES: readonly Lane[] = ['live', 'backfill'];
/** Live lines count as coming for so long after one was sent. */
const LIVE_BUSY_MS = 2000;
const PAUSE_CEILING_MS = 60_000;
/** The collector takes compressed frames below 4 KiB for live lines, and lets those pass others. */
const MIN_COMPRESSED_BYTES = 4097;

export function createSender({ clock, feed, socket, log, onSent }: SenderDeps, options: SenderOptions): Sender {
  const { limits, mayCompress, capabilities } = options;
  const window = new SendWindow(limits);
  const batcher = createBatcher(feed, clock, limits);
  const compresses = mayCompress && capabilities.includes(CAPABILITIES.brotli);
  let isHeld = true;
  let liveSentAt = Number.NEGATIVE_INFINITY;
  let rewoundSeq: number | undefined;

  function isLiveBusy(): boolean {
    return clock.monotonic() - liveSentAt < LIVE_BUSY_MS;
  }

  function nextLane(): Lane | undefined {
    return LANES.find((lane) => batcher.hasWork(lane) && window.hasCredit(lane, TARGET_FRAME_BYTES, { isLiveBusy: isLiveBusy() }));
  }

  /** True when something may have been taken out of the feed. */
  function sendNext(): boolean {
    if (isHeld) return false;
    const lane = nextLane();
    const batch = lane && batcher.next(lane);
    if (lane === undefined || batch === undefined) return false;
    const version = batch.entries === undefined ? {} : { schema_version: EXTRACTION_SCHEMA_VERSION };
    const text = encodeBatchBytes({ seq: window.nextSeq, lane, ...batch, ...version }, batch.printed);
    const bytes = text.length;
    if (bytes > limits.frameBytes) log.error({ bytes }, 'a frame is larger than the collector takes');
    const sentAt = clock.monotonic();
    window.sent({ lane, bytes, receipts: batch.receipts, sentAt });
    if (lane === 'live') liveSentAt = sentAt;
    if (lane === 'backfill' && compresses) sendShorter(socket, text);
    else socket.send(text, { isBinary: false });
    onSent(batch.receipts, batch.files.map(({ path }) => path));
    return true;
  }

  const pacing = createPacing(clock, () => sendNext() && nextLane() !== undefined, { ceilingMs: PAUSE_CEILING_MS });
  return {
    window,
    pump: pacing.pump,
    pause: pacing.pause,
    get hasWork() {
      return isHeld || LANES.some((lane) => batcher.hasWork(lane));
    },
    get isLiveBusy() {
      return isLiveBusy();
    },
    forget() {
      isHeld = true;
      window.forget();
      batcher.forget();
    },
    resume() {
      isHeld = false;
      pacing.pump();
    },
    answeredByRewind(seq) {
      const isNews = window.awaits(seq) || seq === rewoundSeq;
      window.refused(seq);
      if (isNews) rewoundSeq = seq;
      return isNews;
    },
    stop: pacing.stop,
  };
}

/** Live lines are never compressed: the collector reads their lane off the frame's head. */
function sendShorter(socket: FrameSocket, text: Buffer): void {
  const compressed = compressFrame(text);
  if (compressed.length < MIN_COMPRESSED_BYTES) socket.send(text, { isBinary: false });
  else socket.send(compressed);
}
