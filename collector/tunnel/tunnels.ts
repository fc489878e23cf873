/**
 * The tunnels of all machines that have one: opened with the collector, kept to
 * what the registry says, each with a listener of its own on this side.
 */
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config.ts';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { Log } from '../../shared/log.ts';
import type { EnrolledMachine, MachineRegistry } from '../enrolment/machine-registry.ts';
import type { MachineEndpoints } from '../ingest/endpoint-policy.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Listener } from '../ingest/listener.ts';
import type { RunSsh } from '../ssh.ts';
import type { HostCheck } from './host-check.ts';
import { Tunnel, type TunnelInfo } from './tunnel.ts';

export interface TunnelsDeps {
  clock: Clock;
  log: Log;
  registry: Pick<MachineRegistry, 'list' | 'byId' | 'onChange'>;
  endpoints: Pick<MachineEndpoints, 'tunnelled' | 'untunnelled'>;
  ingest: Pick<Ingest, 'listen'>;
  config: Pick<Config, 'tunnels'>;
  runSsh: RunSsh;
  check: HostCheck;
  /** 0700; each machine's near end is a socket in it, named as no far end is: here may be one of another's tunnel, which removes those of before. */
  socketDir: string;
  /** Changes with every address this laptop gets or loses. */
  networkFingerprint: () => string;
}

export interface Tunnels {
  /** Undefined: it has none. */
  state(machineId: MachineId): Readonly<TunnelInfo> | undefined;
  /** A tunnel came, went, or is in another phase. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  /** All of them, or one. Throws `tunnel_none` where a named machine has none. */
  restart(machine: EnrolledMachine | undefined): number;
  /** Ends every ssh. Idempotent. */
  close(): Promise<void>;
}

interface Held {
  host: string;
  tunnel: Tunnel;
  listener: Listener;
}

const LOOK_MS = 1000;
/** After this long asleep the old connections are taken for dead; shorter ones ssh finds out itself. */
const ASLEEP_MS = 30_000;

export function createTunnels(deps: TunnelsDeps): Tunnels {
  const { registry, log } = deps;
  const held = new Map<MachineId, Held>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  /** Opening and closing of one machine's tunnel happen one after the other. */
  let work = Promise.resolve();
  let isClosed = false;

  const keepTo = async (machineId: MachineId): Promise<void> => {
    const machine = registry.byId(machineId);
    const host = machine && !isClosed && machine.retiredAt === null && machine.revokedAt === null ? machine.sshHost : null;
    const known = held.get(machineId);
    if (known?.host === host || (known === undefined && host === null)) return;
    if (known) {
      held.delete(machineId);
      await known.tunnel.close();
      known.listener.close();
      deps.endpoints.untunnelled(machineId);
    }
    if (machine && host !== null) held.set(machineId, await open(machine, host, deps, changed));
    changed();
  };
  const follow = (machineId: MachineId): void => {
    work = work.then(() => keepTo(machineId)).catch((error: unknown) => log.error({ error: messageOf(error) }, 'a tunnel could not be opened'));
  };

  const stopFollowing = registry.onChange(({ machineId }) => follow(machineId));
  for (const { machineId } of registry.list()) follow(machineId);
  const stopLooking = watchNetwork(deps, {
    onNetwork: () => {
      for (const { tunnel } of held.values()) tunnel.networkChanged();
    },
    onWake: () => {
      for (const { tunnel } of held.values()) if (tunnel.state().phase === 'up') tunnel.restart();
    },
  });

  let closed: Promise<void> | undefined;
  return {
    state: (machineId) => held.get(machineId)?.tunnel.state(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    restart(machine) {
      if (machine && !held.has(machine.machineId)) throw noTunnel(machine.label);
      const chosen = machine ? [held.get(machine.machineId)] : [...held.values()];
      for (const one of chosen) one?.tunnel.restart();
      return chosen.length;
    },
    close() {
      closed ??= (async () => {
        stopFollowing();
        stopLooking();
        isClosed = true;
        await work;
        await Promise.all([...held.values()].map(({ tunnel }) => tunnel.close()));
        for (const { listener } of held.values()) listener.close();
      })();
      return closed;
    },
  };
}

async function open({ machineId, label }: EnrolledMachine, host: string, deps: TunnelsDeps, onChange: () => void): Promise<Held> {
  const { clock, config, check, endpoints, socketDir } = deps;
  const { mode, check: command } = config.tunnels[label] ?? { mode: 'always' as const, check: undefined };
  const localSocket = join(socketDir, `near-${machineId.slice(0, 8)}.sock`);
  const listener = await deps.ingest.listen({ listen: { socketPath: localSocket }, admits: machineId });
  const tunnel = new Tunnel({ host, mode }, {
    clock, localSocket,
    log: deps.log,
    runSsh: deps.runSsh,
    isRunning: () => (command === undefined ? Promise.resolve(true) : check(command)),
    onEndpoint: (endpoint) => endpoints.tunnelled(machineId, endpoint),
    onChange,
  });
  return { host, tunnel, listener };
}

function noTunnel(label: string): TtError {
  return new TtError('tunnel_none', `${label} has no tunnel`, {
    hint: `give it one: tt tunnel add ${label} HOST`, exitCode: EXIT_CODES.usage,
  });
}

/** Laptops change networks and sleep: both are seen within a second of being awake. */
function watchNetwork({ clock, networkFingerprint }: Pick<TunnelsDeps, 'clock' | 'networkFingerprint'>, on: { onNetwork: () => void; onWake: () => void }): () => void {
  let seen = networkFingerprint();
  let lookedAtMs = clock.now();
  return clock.every(LOOK_MS, () => {
    const nowMs = clock.now();
    if (nowMs - lookedAtMs > ASLEEP_MS) on.onWake();
    lookedAtMs = nowMs;
    const now = networkFingerprint();
    if (now !== seen) on.onNetwork();
    seen = now;
  });
}
