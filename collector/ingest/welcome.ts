/** The collector's answer to hello: proof of who it is, its limits, and its ledger where the two differ. */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { LEDGER_FRAME_BYTES, WIRE_LIMITS } from '../../shared/limits.ts';
import { encodeFrame } from '../../shared/protocol/codec.ts';
import type { FrameSocket } from '../../shared/protocol/frame-socket.ts';
import { CAPABILITIES, PROTOCOL_VERSION, type HelloFrame, type LedgerFrame, type Position } from '../../shared/protocol/frames.ts';
import { positionsDigest } from '../../shared/protocol/positions.ts';
import { signCollectorToken } from '../../shared/protocol/tokens.ts';
import { VERSION } from '../../shared/version.ts';
import type { CollectorIdentity } from '../enrolment/collector-identity.ts';

export interface Greeting {
  hello: HelloFrame;
  machineId: MachineId;
  label: string;
  positions: readonly Position[];
  /** Said without comparing: to a machine that will be sent away. */
  isSettled?: boolean;
}

export async function greet(
  { hello, machineId, label, positions, isSettled }: Greeting,
  { identity, clock }: { identity: CollectorIdentity; clock: Pick<Clock, 'now'> },
  socket: Pick<FrameSocket, 'send'>,
): Promise<void> {
  const token = await signCollectorToken(identity.keys, {
    collectorId: identity.collectorId, machineId, nonce: hello.nonce,
  });
  const settled = isSettled ?? hello.positions_digest === positionsDigest(positions.map(([gen, offset]) => [gen, offset]));
  socket.send(encodeFrame({
    type: 'welcome', protocol: PROTOCOL_VERSION, capabilities: Object.values(CAPABILITIES), version: VERSION, token,
    limits: { ...WIRE_LIMITS }, clock: clock.now(), settled, label,
  }));
  if (!settled) for (const frame of ledgerFrames(positions)) socket.send(encodeFrame(frame));
}

/** Printed size of one position, from above: 32 + 16 + 16 characters and punctuation. */
const POSITION_BYTES = 110;

/** At least one frame: the agent waits for the one that says `last`. */
export function ledgerFrames(positions: readonly Position[]): LedgerFrame[] {
  const perFrame = Math.floor((LEDGER_FRAME_BYTES - 64) / POSITION_BYTES);
  const frames: LedgerFrame[] = [];
  let start = 0;
  do {
    const end = start + perFrame;
    frames.push({ type: 'ledger', positions: positions.slice(start, end), last: end >= positions.length });
    start = end;
  } while (start < positions.length);
  return frames;
}
