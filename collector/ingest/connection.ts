/**
 * One agent's connection, from hello to close.
 *
 *   awaiting hello ─► greeting ─► open ─► draining ─► closed
 *
 * Nothing of a peer reaches the writer before the connection is open: its token
 * was good, its hello arrived, it has the machine's place and its welcome was sent.
 */
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { InstanceId, MachineId } from '../../shared/ids.ts';
import { CLONE_PING_MS, HELLO_TIMEOUT_MS, WIRE_LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import { decodeAgentFrame, encodeFrame, peekFrameType } from '../../shared/protocol/codec.ts';
import type { FrameSocket, FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import {
  BINARY_KINDS, CAPABILITIES, CLOSE_CODES, PROTOCOL_VERSION,
  type AgentFrame, type BatchFrame, type CollectorFrame, type GoodbyeCode, type HelloFrame, type ProbeFrame, type StatusFrame,
} from '../../shared/protocol/frames.ts';
import { createLiveness, type Liveness } from '../../shared/protocol/liveness.ts';
import { timestampMs } from '../../shared/timestamp.ts';
import type { ArchiveDesk } from '../archive/archive-desk.ts';
import type { ArchiveSession } from '../archive/machine-desk.ts';
import type { CollectorIdentity } from '../enrolment/collector-identity.ts';
import { workBytes } from '../writer/batch-head.ts';
import type { MachineRef } from '../writer/messages.ts';
import type { WriterPort } from '../writer/writer.ts';
import { bannedBy, type Authenticated } from './authenticate.ts';
import { toBatchJob } from './batch-job.ts';
import type { Connections, Peer } from './connections.ts';
import type { MachineLinks } from './machine-links.ts';
import type { CollectorProbes } from './probes.ts';
import { createRewinds, type Rewinds } from './rewinds.ts';
import { greet } from './welcome.ts';

/** Work handed to the writer and not answered (`workBytes`) at which a peer is ignoring its window; a question counts as a KiB at least. */
export const UNANSWERED_LIMIT_BYTES = 2 * (WIRE_LIMITS.liveWindowBytes + WIRE_LIMITS.backfillWindowBytes);
const QUESTION_BYTES = 1024;
/** Bytes of answers that a peer may leave unread. */
export const UNREAD_LIMIT_BYTES = 4 * 1024 * 1024;
/** How long a peer may take to close its end after a goodbye. */
const CLOSE_HANDSHAKE_MS = 2000;

export interface ConnectionDeps {
  clock: Clock;
  log: Log;
  identity: CollectorIdentity;
  writer: WriterPort;
  connections: Connections;
  links: MachineLinks;
  probes?: Pick<CollectorProbes, 'show' | 'arrived'>;
  archive?: Pick<ArchiveDesk, 'open'>;
  /** The peer broke the protocol. */
  onBroken: (machineId: MachineId) => void;
  /** Called once, when the socket is gone. */
  onClosed: (connection: AgentConnection) => void;
}

type State = 'awaiting_hello' | 'greeting' | 'open' | 'draining' | 'closed';

export class AgentConnection implements Peer, FrameSocketEvents {
  /** Distinguishes this connection's answers from those of the one before. */
  readonly id: number;
  readonly machineId: MachineId;
  readonly instance: InstanceId;
  readonly #socket: FrameSocket;
  readonly #peer: Authenticated;
  readonly #deps: ConnectionDeps;
  readonly #machine: MachineRef;
  readonly #liveness: Liveness;
  readonly #rewinds: Rewinds;
  readonly #cancelHelloTimer: () => void;
  #cancelCut = (): void => {};
  #state: State = 'awaiting_hello';
  #capabilities: readonly string[] = [];
  #archive: ArchiveSession | undefined;
  #unansweredBytes = 0;
  #reportedGaps = '[]';
  /** Why we ended it; set once. */
  #farewell: { code: GoodbyeCode; message: string } | null = null;

  constructor(id: number, socket: FrameSocket, peer: Authenticated, deps: ConnectionDeps) {
    this.id = id;
    this.machineId = peer.machine.machineId;
    this.instance = peer.instance;
    this.#socket = socket;
    this.#peer = peer;
    this.#deps = deps;
    this.#machine = { machineId: this.machineId, enrolledAtMs: timestampMs(peer.machine.enrolledAt) };
    this.#cancelHelloTimer = deps.clock.after(HELLO_TIMEOUT_MS, () => {
      this.goodbye('hello_timeout', 'no hello came within 5 s');
    });
    this.#rewinds = createRewinds({ clock: deps.clock, send: (frame) => this.#sendFrame(frame) });
    this.#liveness = createLiveness({
      clock: deps.clock,
      ping: () => socket.ping(),
      onDead: () => this.#cut('nothing was heard for 40 s'),
    });
  }

  isAlive(): Promise<boolean> {
    return this.#isOver() ? Promise.resolve(false) : this.#liveness.check(CLONE_PING_MS);
  }

  onAlive(): void {
    this.#liveness.heard();
  }

  onFrame(data: Buffer, isBinary: boolean): void {
    this.#liveness.heard();
    if (this.#isOver()) return;
    if (this.#state === 'awaiting_hello') this.#onFirstFrame(data, isBinary);
    else if (this.#state === 'greeting') this.#protocolError('nothing may be sent between hello and welcome');
    else this.#onOpenFrame(data, isBinary);
  }

  onClose(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open' || this.#state === 'draining';
    this.#state = 'closed';
    this.#cancelHelloTimer();
    this.#cancelCut();
    this.#liveness.close();
    this.#rewinds.close();
    this.#archive?.close();
    const { connections, links, log, onBroken, onClosed } = this.#deps;
    connections.remove(this);
    const problem = this.#farewell ?? problemOf(code, reason);
    if (problem?.code === 'frame_too_large') onBroken(this.machineId);
    // The one that replaced it speaks for the machine now.
    if (wasOpen && problem?.code !== 'replaced') links.disconnected(this.machineId, problem);
    log.info({ machine: this.#peer.machine.label, code, reason: problem?.message ?? reason }, 'agent disconnected');
    onClosed(this);
  }

  /** One printed frame of the writer; `protocolError`: the peer broke the protocol. */
  answer(frame: string, protocolError?: string): void {
    if (this.#isOver()) return;
    if (frame !== '') this.#send(frame);
    if (protocolError !== undefined) this.#protocolError(protocolError);
  }

  /** The writer is done with batches of this much work (`workBytes`). */
  answered(bytes: number): void {
    this.#unansweredBytes -= bytes;
  }

  /** Asks for these generations again, from 0. False when it is not open. */
  rewind(gens: readonly string[]): boolean {
    if (!this.#isOpen()) return false;
    this.#rewinds.send(gens.map((gen) => ({ gen, from: 0 })), { replace: false });
    return true;
  }

  /** Asks for what is wanted for replacement. False when it is not open or the agent can not `replace`. */
  async askForReplacements(): Promise<boolean> {
    if (!this.#isOpen() || !this.#capabilities.includes(CAPABILITIES.replace)) return false;
    const wanted = await this.#deps.writer.call('wantedReplacements', this.machineId);
    if (!this.#isOpen()) return false;
    this.#rewinds.send(wanted, { replace: true });
    return true;
  }

  askForProbe(id: string): 'asked' | 'not_connected' | 'older_agent' {
    if (!this.#isOpen()) return 'not_connected';
    if (!this.#capabilities.includes(CAPABILITIES.probe)) return 'older_agent';
    this.#sendFrame({ type: 'probe', id, hops: [] });
    return 'asked';
  }

  /** Takes no more batches; what was handed over is still answered. */
  drain(): void {
    if (this.#state === 'open') this.#state = 'draining';
  }

  goodbye(code: GoodbyeCode, hint: string): void {
    if (this.#isOver()) return;
    this.#farewell = { code, message: hint };
    if (this.#state !== 'open' && this.#state !== 'draining') this.#deps.links.refused(this.machineId, this.#farewell);
    this.#socket.send(encodeFrame({ type: 'goodbye', code, hint }));
    this.#socket.close(CLOSE_CODES[code], code);
    this.#cancelCut = this.#deps.clock.after(CLOSE_HANDSHAKE_MS, () => this.#socket.terminate());
  }

  /** Cuts without a word. */
  terminate(): void {
    this.#socket.terminate();
  }

  #isOpen(): boolean {
    return this.#state === 'open' && !this.#isOver();
  }

  #isOver(): boolean {
    return this.#farewell !== null || this.#state === 'closed';
  }

  #protocolError(message: string): void {
    this.#deps.onBroken(this.machineId);
    this.goodbye('protocol_error', message);
  }

  #cut(message: string): void {
    this.#farewell ??= { code: 'protocol_error', message };
    this.#socket.terminate();
  }

  #send(text: string): void {
    this.#socket.send(text);
    if (this.#socket.bufferedBytes > UNREAD_LIMIT_BYTES) this.#cut('it does not read its answers');
  }

  #sendFrame(frame: CollectorFrame): void {
    this.#send(encodeFrame(frame));
  }

  /** Work that a frame started. When it fails the agent lacks what it needs, so it has to come again. */
  #run(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#deps.log.error({ machine: this.#peer.machine.label, error: messageOf(error) }, 'a request of an agent failed');
      this.goodbye('shutting_down', 'the collector could not answer: try again');
    });
  }

  #onFirstFrame(data: Buffer, isBinary: boolean): void {
    if (isBinary || peekFrameType(data) !== 'hello') return this.#protocolError('the first frame must be hello');
    const decoded = decodeAgentFrame(data.toString('utf8'));
    if (!decoded.ok) return this.#protocolError(decoded.reason);
    if (decoded.frame.type === 'hello') this.#run(this.#onHello(decoded.frame));
  }

  async #onHello(hello: HelloFrame): Promise<void> {
    const { machine } = this.#peer;
    this.#cancelHelloTimer();
    if (hello.protocol !== PROTOCOL_VERSION) {
      const older = hello.protocol < PROTOCOL_VERSION ? 'tt-agent on this machine' : 'tt on the laptop';
      return this.goodbye('version_unsupported', `protocol ${hello.protocol} meets ${PROTOCOL_VERSION}: upgrade ${older}`);
    }
    if (hello.instance !== this.instance) return this.goodbye('unauthorised', 'hello and token name different instances');
    this.#state = 'greeting';
    const banned = bannedBy(machine);
    if (banned) {
      await greet({ hello, machineId: this.machineId, label: machine.label, positions: [], isSettled: true }, this.#deps, this.#socket);
      return this.goodbye(banned, `this machine was ${banned}: tt machines add ${machine.label} --again lets it join anew`);
    }
    await this.#takePlace(hello);
  }

  async #takePlace(hello: HelloFrame): Promise<void> {
    const { connections, links, log, writer } = this.#deps;
    const { machine, endpoint } = this.#peer;
    if ((await connections.admit(this)) === 'clone_suspected') {
      return this.goodbye('clone_suspected', `two agents have the identity of ${machine.label}, and the other one is connected and answers: is this a copy of that machine (a cloned image, a restored home)? Here: stop the agent, tt-agent init --new-identity, then join by a code of tt machines add LABEL`);
    }
    if (this.#isOver()) return connections.remove(this);
    // After the older connection's last batch: calls wait for what was sent before.
    const positions = await writer.call('ledger', this.machineId);
    if (this.#isOver()) return;
    this.#capabilities = hello.capabilities;
    await greet({ hello, machineId: this.machineId, label: machine.label, positions }, this.#deps, this.#socket);
    if (this.#isOver()) return;
    this.#state = 'open';
    links.connected(this.machineId, hello, endpoint);
    log.info({ machine: machine.label, version: hello.version }, 'agent connected');
    if (hello.capabilities.includes(CAPABILITIES.archive)) {
      this.#archive = this.#deps.archive?.open(this.machineId, (frame) => void (this.#isOver() || this.#sendFrame(frame)));
    }
    await this.askForReplacements();
  }

  #onOpenFrame(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      if (data[0] === BINARY_KINDS.chunk && this.#archive) return this.#onChunk(data, this.#archive);
      if (data[0] !== BINARY_KINDS.brotli) return this.#protocolError(`binary frames of kind ${data[0]} are not known here`);
      return this.#onBatch(data, true);
    }
    if (peekFrameType(data) === 'batch') return this.#onBatch(data, false);
    const decoded = decodeAgentFrame(data.toString('utf8'));
    if (!decoded.ok) return this.#protocolError(decoded.reason);
    return this.#onSmallFrame(decoded.frame, data.length);
  }

  #onBatch(data: Buffer, isCompressed: boolean): void {
    if (this.#state === 'draining') return;
    if (!this.#hasRoom(workBytes(data.length, isCompressed))) return;
    const receivedAtMs = this.#deps.clock.now();
    this.#deps.writer.send(toBatchJob(data, { connection: this.id, machine: this.#machine, receivedAtMs, isCompressed }));
  }

  #onChunk(data: Buffer, archive: ArchiveSession): void {
    if (this.#state === 'draining') return;
    this.#endIf(archive.chunk(data));
  }

  #endIf(broken: string | undefined): void {
    if (broken !== undefined) this.#protocolError(broken);
  }

  #hasRoom(bytes: number): boolean {
    this.#unansweredBytes += bytes;
    if (this.#unansweredBytes <= UNANSWERED_LIMIT_BYTES) return true;
    this.#protocolError('more was sent than the window allows');
    return false;
  }

  /** What the writer must answer waits in its queue as a batch does, and counts like one. */
  #ask(frameBytes: number, question: () => Promise<unknown>): void {
    const bytes = Math.max(frameBytes, QUESTION_BYTES);
    if (this.#hasRoom(bytes)) this.#run(question().finally(() => this.answered(bytes)));
  }

  #onSmallFrame(frame: Exclude<AgentFrame, BatchFrame>, bytes: number): void {
    switch (frame.type) {
      case 'hello': return this.#protocolError('a second hello');
      case 'closed': return this.#ask(bytes, () => this.#deps.writer.call('closeGenerations', this.machineId, frame.gens));
      case 'status': return this.#onStatus(frame, bytes);
      case 'probe': return this.#ask(bytes, () => this.#onProbe(frame));
      case 'offer': return this.#state === 'draining' ? undefined : this.#endIf(this.#archive?.offer(frame));
      case 'audited': return this.#archive?.audited(frame);
    }
  }

  #onStatus(frame: StatusFrame, bytes: number): void {
    const { clock, links, writer } = this.#deps;
    links.heard(this.machineId, frame);
    const gaps = JSON.stringify(frame.gaps);
    if (gaps === this.#reportedGaps) return;
    this.#reportedGaps = gaps;
    if (frame.gaps.length > 0) this.#ask(bytes, () => writer.call('reportGaps', this.#machine, frame.gaps, clock.now()));
  }

  /** Times the way in, through the writer and its database, and to the page. */
  async #onProbe({ id, line, hops: sofar }: ProbeFrame): Promise<void> {
    const { clock, writer, probes } = this.#deps;
    const hops = [...sofar, { name: 'collector', at: clock.now() }];
    // Answered behind everything that was sent before it: the batch with its line is committed, or was not taken.
    const ledger = await writer.call('ledger', this.machineId);
    const isStored = line === undefined || ledger.some(([gen, offset]) => gen === line.gen && offset >= line.to);
    if (isStored) hops.push({ name: 'store', at: clock.now() });
    const passing = { id, machineId: this.machineId, hops };
    const shownAt = isStored ? await probes?.show(passing) : undefined;
    if (shownAt !== undefined) hops.push({ name: 'page', at: shownAt });
    probes?.arrived(passing);
    if (!this.#isOver()) this.#sendFrame({ type: 'probe', id, hops });
  }
}

/** A connection that merely ended (sleep, reboot, a tunnel that fell) is no problem of its own. */
function problemOf(code: number, reason: string): { code: GoodbyeCode; message: string } | null {
  if (code !== CLOSE_CODES.frame_too_large) return null;
  return { code: 'frame_too_large', message: reason === '' ? 'a frame was larger than 1 MiB' : reason };
}
