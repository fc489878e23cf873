/**
 * Offers and chunks of archived files, behind both lanes of events: nothing of
 * them is sent while there are events to read, and while live lines come there is
 * one chunk on the way, so that a line never waits for more than that.
 */
import type { Clock } from '../../shared/clock.ts';
import { ARCHIVE_CHUNK_BYTES, ARCHIVE_RETRY_MS, ARCHIVE_WINDOW_BYTES } from '../../shared/limits.ts';
import { encodeChunk } from '../../shared/protocol/chunk.ts';
import { encodeFrame } from '../../shared/protocol/codec.ts';
import type { FrameSocket } from '../../shared/protocol/frame-socket.ts';
import type { ArchivedFrame, ArchiveFrame, AuditFrame, HoldingsFrame } from '../../shared/protocol/frames.ts';
import type { Mirror, OutgoingChunk } from '../archive/mirror.ts';
import { createPacing, type Pacing } from './pacing.ts';

export interface ArchiveLane {
  take(frame: ArchiveFrame | HoldingsFrame | ArchivedFrame | AuditFrame): void;
  /** Sends what there is room for, one frame at a time. */
  pump(): void;
  stop(): void;
}

export interface ArchiveLaneDeps {
  clock: Clock;
  socket: FrameSocket;
  mirror: Mirror;
  /** Events wait to be read: they go first. */
  eventsWait: () => boolean;
  /** Live lines came a moment ago, and more may. */
  isLiveBusy: () => boolean;
}

const RETRY_CEILING_MS = 10 * 60_000;
/** A chunk of a few bytes has a header, too, and a place at both ends: of ten thousand small files not all are on the way at once. */
const LEAST_COST_BYTES = 4096;

export function createArchiveLane(deps: ArchiveLaneDeps, options: { mayCompress: boolean }): ArchiveLane {
  return new MirrorLane(deps, options);
}

class MirrorLane implements ArchiveLane {
  readonly #deps: ArchiveLaneDeps;
  readonly #options: { mayCompress: boolean };
  readonly #pacing: Pacing;
  readonly #inFlight = new Map<number, OutgoingChunk>();
  #limits = { chunkBytes: ARCHIVE_CHUNK_BYTES, windowBytes: ARCHIVE_WINDOW_BYTES };
  #bytesInFlight = 0;
  #seq = 0;
  #offerSeq: number | undefined;
  #isStopped = false;

  constructor(deps: ArchiveLaneDeps, options: { mayCompress: boolean }) {
    this.#deps = deps;
    this.#options = options;
    this.#pacing = createPacing(deps.clock, () => this.#sendNext(), { ceilingMs: RETRY_CEILING_MS });
    deps.mirror.onWork(() => this.pump());
  }

  pump(): void {
    this.#pacing.pump();
  }

  #hasCredit(): boolean {
    if (this.#inFlight.size === 0) return true;
    return !this.#deps.isLiveBusy() && this.#bytesInFlight + this.#limits.chunkBytes <= this.#limits.windowBytes;
  }

  #sendNext(): boolean {
    const { mirror, eventsWait, socket } = this.#deps;
    if (eventsWait()) return false;
    const offer = mirror.nextOffer();
    if (offer !== undefined && offer !== 'later') {
      this.#offerSeq = this.#seq += 1;
      socket.send(encodeFrame({ type: 'offer', seq: this.#offerSeq, files: offer }));
      return true;
    }
    const chunk = this.#hasCredit() ? mirror.nextChunk(this.#limits.chunkBytes) : undefined;
    if (chunk === undefined || chunk === 'later') return offer === 'later' || chunk === 'later';
    this.#seq += 1;
    this.#inFlight.set(this.#seq, chunk);
    this.#bytesInFlight += costOf(chunk);
    socket.send(encodeChunk({ seq: this.#seq, ...chunk.header }, chunk.bytes, this.#options));
    return true;
  }

  take(frame: ArchiveFrame | HoldingsFrame | ArchivedFrame | AuditFrame): void {
    if (this.#isStopped) return;
    switch (frame.type) {
      case 'archive': {
        this.#begin(frame);
        break;
      }
      case 'holdings': {
        // Of an offer that counts no more.
        if (frame.seq !== this.#offerSeq) break;
        this.#offerSeq = undefined;
        // What the collector cannot look at now is offered again, but not at the speed of the wire.
        if (frame.files.some((file) => 'code' in file && (file.code === 'failed' || file.code === 'disk_full'))) this.#pause(ARCHIVE_RETRY_MS);
        this.#deps.mirror.offered(frame);
        break;
      }
      case 'archived': {
        this.#archived(frame);
        break;
      }
      case 'audit': this.#audit(frame);
    }
    this.pump();
  }

  #begin(frame: ArchiveFrame): void {
    this.#limits = { chunkBytes: Math.min(frame.chunk_bytes, ARCHIVE_CHUNK_BYTES), windowBytes: Math.min(frame.window_bytes, ARCHIVE_WINDOW_BYTES) };
    this.#offerSeq = undefined;
    this.#deps.mirror.begin(frame);
  }

  #archived(frame: ArchivedFrame): void {
    const chunk = this.#inFlight.get(frame.seq);
    if (chunk === undefined) return;
    this.#inFlight.delete(frame.seq);
    this.#bytesInFlight -= costOf(chunk);
    this.#deps.mirror.archived(chunk, frame);
    if (frame.retry_ms !== undefined) this.#pause(frame.retry_ms);
  }

  #pause(ms: number): void {
    if (!this.#pacing.isPaused) this.#pacing.pause(ms);
  }

  #audit({ seq, files }: AuditFrame): void {
    this.#deps.mirror.audit(files).then((hashes) => {
      if (!this.#isStopped) this.#deps.socket.send(encodeFrame({ type: 'audited', seq, hashes }));
    }, () => {});
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#pacing.stop();
    this.#deps.mirror.end();
  }
}

function costOf({ bytes }: OutgoingChunk): number {
  return Math.max(bytes.length, LEAST_COST_BYTES);
}
