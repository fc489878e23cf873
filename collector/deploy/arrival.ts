/** Waits until a machine has arrived: its tunnel, its agent, what it sends. */
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { durationWords } from '../../shared/status-words.ts';
import type { MachineStatus } from '../../shared/status.ts';
import { parseTimestamp } from '../../shared/timestamp.ts';
import type { Control, MachineRow } from '../control/control-methods.ts';

export interface ArrivalDeps {
  control: Control;
  clock: Clock;
  stop: AbortSignal;
}

const LOOK_MS = 100;
const TUNNEL_MS = 25_000;

async function poll<T>({ clock, stop }: Omit<ArrivalDeps, 'control'>, limitMs: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = clock.monotonic() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || clock.monotonic() >= deadline || stop.aborted) return found;
    await clock.sleep(LOOK_MS, stop);
  }
}

/** A tunnel that came up at `sinceMs` or later. Throws why it does not; it is tried on all the same. */
export async function untilTunnelUp({ label, host, sinceMs }: { label: string; host: string; sinceMs: number }, deps: ArrivalDeps): Promise<{ warning: string | null }> {
  let last: { problem: string; hint: string } | undefined;
  let isAsked = false;
  const up = await poll(deps, TUNNEL_MS, async () => {
    const { tunnels } = await deps.control.call('tunnels.list', {});
    const tunnel = tunnels.find((row) => row.label === label)?.tunnel;
    if (tunnel?.state === 'down' && tunnel.problem !== null) last = { problem: tunnel.problem, hint: tunnel.hint ?? '' };
    if (tunnel?.state === 'waiting') last = { problem: 'its check says that the host does not run', hint: 'start it' };
    if (tunnel?.state === 'off' && !isAsked) {
      // Of a machine whose tunnel comes only when it is asked for.
      isAsked = true;
      await deps.control.call('tunnels.restart', { label });
    }
    // Sockets that are refused are followed by a port at once; other refusals by nothing for a while.
    return tunnel?.state === 'up' && tunnel.host === host && timeOf(tunnel.since) >= sinceMs ? { warning: tunnel.warning } : undefined;
  });
  if (up) return up;
  throw new TtError('tunnel_down', `the tunnel to ${host} does not come up${last ? `: ${last.problem}` : ''}`, {
    hint: last ? `${last.hint}; then: tt tunnel restart ${label}` : `is the collector's log of use? tt tunnel status ${label}`, exitCode: EXIT_CODES.unreachable,
  });
}

/** The row of the machine when its agent has connected at `sinceMs` or later; undefined after `limitMs`. */
export function untilConnected(machineId: string, sinceMs: number, deps: ArrivalDeps, limitMs: number): Promise<MachineRow | undefined> {
  return poll(deps, limitMs, async () => {
    const { machines } = await deps.control.call('machines.list', {});
    const row = machines.find((machine) => machine.machine_id === machineId);
    return row?.connected === true && timeOf(row.connected_since) >= sinceMs ? row : undefined;
  });
}

/** Everything that was there at `sinceMs` has arrived; else how it stands after `limitMs`. */
export async function untilDrained(machineId: string, sinceMs: number, deps: ArrivalDeps, limitMs: number): Promise<{ isDrained: boolean; machine: MachineStatus | undefined }> {
  let machine: MachineStatus | undefined;
  const drained = await poll(deps, limitMs, async () => {
    machine = (await deps.control.call('status', {})).machines.find((each) => each.machine_id === machineId);
    const offsetMs = machine?.clock_offset_ms ?? 0;
    return machine?.connected === true && machine.backlog_bytes === 0 && timeOf(machine.drained_at) - offsetMs >= sinceMs ? true : undefined;
  });
  return { isDrained: drained ?? false, machine };
}

function timeOf(timestamp: string | null): number {
  const known = timestamp === null ? undefined : parseTimestamp(timestamp);
  return known === undefined ? Number.NEGATIVE_INFINITY : Date.parse(known);
}

export function notConnected(label: string, waitedMs: number, why: string | null): TtError {
  return new TtError('agent_away', `the agent of ${label} did not connect within ${durationWords(waitedMs)}${why === null ? '' : `: ${why}`}`, {
    hint: `look at its log there: tt-agent logs; at the tunnel: tt tunnel status ${label}; then run the same command again`, exitCode: EXIT_CODES.unreachable,
  });
}
