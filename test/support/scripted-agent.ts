import { randomBytes, randomUUID } from 'node:crypto';
import { decodeCollectorFrame, encodeBatch, encodeFrame } from '../../shared/protocol/codec.ts';
import { answerMac, codeName, enrolAnswerSchema, requestMac, type EnrolRequest } from '../../shared/protocol/enrolment.ts';
import type { FrameSocket } from '../../shared/protocol/frame-socket.ts';
import type { BatchFile, CollectorFrame, HelloFrame } from '../../shared/protocol/frames.ts';
import { hashBytes, positionsDigest } from '../../shared/protocol/positions.ts';
import { createKeyPair, signAgentToken, type KeyPair } from '../../shared/protocol/tokens.ts';
import { dial } from '../../shared/protocol/web-socket.ts';
import { parseCollectorId, parseMachineId, toInstanceId, type CollectorId, type MachineId } from '../../shared/ids.ts';

/** A machine that joined: what an agent keeps of it. */
export interface JoinedMachine {
  machineId: MachineId;
  keys: KeyPair;
  collectorId: CollectorId;
  collectorKey: string;
  label: string;
}

export function machineId(text: string = randomUUID()): MachineId {
  const id = parseMachineId(text);
  if (!id) throw new Error(`${text} is no machine ID`);
  return id;
}

export async function enrolRequest(code: string, keys: KeyPair, id: MachineId = machineId()): Promise<EnrolRequest> {
  const request = { machine_id: id, public_key: keys.publicKey, label: 'wish', nonce: randomBytes(16).toString('hex') };
  return { ...request, code_name: codeName(code), mac: requestMac(code, request) };
}

export async function postEnrol(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}/enrol`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

/** `join`, as an agent does it, with the collector's proof checked. */
export async function join(url: string, code: string, id?: MachineId): Promise<JoinedMachine> {
  const keys = await createKeyPair();
  const request = await enrolRequest(code, keys, id);
  const { status, body } = await postEnrol(url, request);
  if (status !== 200) throw new Error(`enrol answered ${status}: ${JSON.stringify(body)}`);
  const answer = enrolAnswerSchema.parse(body);
  if (answer.mac !== answerMac(code, answer, request)) throw new Error('the answer is not authentic');
  const collectorId = parseCollectorId(answer.collector_id);
  if (!collectorId) throw new Error('no collector ID');
  return { machineId: machineId(request.machine_id), keys, collectorId, collectorKey: answer.public_key, label: answer.label };
}

export async function challenge(url: string): Promise<string> {
  const response = await fetch(`${url}/challenge`);
  const body = (await response.json()) as { nonce: string };
  return body.nonce;
}

export interface ScriptedOptions {
  instance?: string;
  endpoint?: string;
  nonce?: string;
  collectorId?: CollectorId;
}

export async function tokenFor(url: string, machine: JoinedMachine, options: ScriptedOptions = {}): Promise<string> {
  return signAgentToken(machine.keys, {
    machineId: machine.machineId,
    collectorId: options.collectorId ?? machine.collectorId,
    nonce: options.nonce ?? (await challenge(url)),
    instance: toInstanceId(options.instance ?? 'instance-1'),
    endpoint: options.endpoint ?? url,
  });
}

/** A peer that sends exactly what a test tells it to, and keeps what comes back. */
export class ScriptedAgent {
  readonly frames: CollectorFrame[] = [];
  closed: { code: number; reason: string } | undefined;
  #socket: FrameSocket | undefined;
  readonly #waiting = new Set<() => void>();

  /** Rejects with `{status}` when the upgrade is refused. */
  static connect(url: string, token: string): Promise<ScriptedAgent> {
    const agent = new ScriptedAgent();
    return new Promise((resolve, reject) => {
      dial(`${url.replace(/^http/, 'ws')}/agent`, { token, handshakeTimeoutMs: 5000, maxFrameBytes: 1 << 24 }, {
        onRefused: (refusal) => reject(Object.assign(new Error(refusal.message), { status: refusal.status })),
        onOpen(socket) {
          agent.#socket = socket;
          resolve(agent);
          return {
            onFrame(data) {
              const decoded = decodeCollectorFrame(data.toString('utf8'));
              if (!decoded.ok) throw new Error(decoded.reason);
              agent.frames.push(decoded.frame);
              agent.#wake();
            },
            onAlive() {},
            onClose(code, reason) {
              agent.closed = { code, reason };
              agent.#wake();
            },
          };
        },
      });
    });
  }

  send(data: string | Uint8Array): void {
    this.#socket?.send(data);
  }

  terminate(): void {
    this.#socket?.terminate();
  }

  hello(change: Partial<HelloFrame> = {}): void {
    this.send(encodeFrame({
      type: 'hello', protocol: 1, capabilities: ['replace'], version: '1.0.0', label: 'wish', host: 'host', instance: 'instance-1',
      nonce: 'n'.repeat(22), positions_digest: positionsDigest([]), clock: Date.now(), ...change,
    }));
  }

  /** The first frame of this type, now or when it comes. */
  async frame<T extends CollectorFrame['type']>(type: T): Promise<Extract<CollectorFrame, { type: T }>> {
    for (;;) {
      const found = this.frames.find((frame): frame is Extract<CollectorFrame, { type: T }> => frame.type === type);
      if (found) return found;
      if (this.closed) throw new Error(`closed with ${this.closed.code} ${this.closed.reason} before ${type}: ${JSON.stringify(this.frames)}`);
      await this.#change();
    }
  }

  async acked(seq: number): Promise<void> {
    while (!this.frames.some((frame) => frame.type === 'ack' && frame.seq === seq)) await this.#change();
  }

  async close(): Promise<{ code: number; reason: string }> {
    while (!this.closed) await this.#change();
    return this.closed;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export const GEN = 'a'.repeat(32);

/** A batch of one file with these events. Ranges are made up: nobody looks at the file. */
export function batchOf(seq: number, events: readonly unknown[], { entries, ...file }: Partial<BatchFile> & { entries?: string[] } = {}): string {
  const range = { from: 0, to: 100, prev: hashBytes(Buffer.of()), tail: hashBytes(Buffer.of(1)) };
  return encodeBatch(
    { seq, lane: 'live', files: [{ gen: GEN, path: '/log.jsonl', born_at: null, ...range, events: events.length, ...file }], states: [], edges: [], ...(entries === undefined ? {} : { entries }) },
    events.map((event) => JSON.stringify(event)),
  );
}

export function paneFocus(machine: string, timestamp: string, pane = '%1'): Record<string, unknown> {
  return {
    id: `${machine}:remote.tmux:tmux_pane_focus:${timestamp}:${pane}`, timestamp, source: 'remote.tmux', type: 'tmux_pane_focus',
    pane_id: pane, cwd: '/home/dev',
  };
}
