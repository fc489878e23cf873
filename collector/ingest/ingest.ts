/** All listeners and connections of a collector, and the way of the writer's answers back to them. */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import { createUpgradeServer } from '../../shared/protocol/web-socket.ts';
import type { ArchiveDesk } from '../archive/archive-desk.ts';
import type { CollectorIdentity } from '../enrolment/collector-identity.ts';
import type { EnrolmentDesk } from '../enrolment/enrolment-desk.ts';
import type { MachineRegistry } from '../enrolment/machine-registry.ts';
import type { Writer } from '../writer/writer.ts';
import { authenticate, bannedBy, type Authenticated, type AuthRefusal } from './authenticate.ts';
import { AgentConnection } from './connection.ts';
import { createConnections } from './connections.ts';
import type { EndpointPolicy } from './endpoint-policy.ts';
import { openListener, type Listener, type ListenerDeps, type ListenerOptions } from './listener.ts';
import type { MachineLinks } from './machine-links.ts';
import { createNonces } from './nonces.ts';
import { createOffenders } from './offenders.ts';
import type { CollectorProbes } from './probes.ts';
import { createRefusalLog } from './refusal-log.ts';

/** Of one machine at a time: one that works, one that replaces it, and room for a clone and a retry. */
const CONNECTIONS_PER_MACHINE = 4;

export interface Ingest {
  /** Opens one more listener; the caller closes it, or `close` does. */
  listen(options: ListenerOptions): Promise<Listener>;
  /** Asks the connected agent for these again, from their start. False when it is not connected. */
  rewind(machineId: MachineId, gens: readonly string[]): boolean;
  /** Asks the connected agent for what is wanted for replacement. False when it is not connected, or can not `replace`. */
  askForReplacements(machineId: MachineId): Promise<boolean>;
  /** Asks the connected agent to send a probe. */
  askForProbe(machineId: MachineId, id: string): 'asked' | 'not_connected' | 'older_agent';
  /** No new agents and no more batches; resolves when everything handed over is answered. */
  drain(): Promise<void>;
  /** Says goodbye and cuts who does not go. Idempotent. */
  close(): Promise<void>;
}

export interface IngestDeps {
  clock: Clock;
  log: Log;
  identity: CollectorIdentity;
  registry: MachineRegistry;
  desk: EnrolmentDesk;
  writer: Writer;
  links: MachineLinks;
  probes?: CollectorProbes;
  archive?: ArchiveDesk;
  endpointAllowed: EndpointPolicy;
}

export function createIngest(deps: IngestDeps): Ingest {
  const { identity, registry, writer, links } = deps;
  const { collectorId } = identity;
  const nonces = createNonces(deps.clock);
  const refusals = createRefusalLog(deps);
  const connections = createConnections();
  const offenders = createOffenders(deps.clock);
  const upgrades = createUpgradeServer(WIRE_LIMITS.frameBytes);
  const open = new Map<number, AgentConnection>();
  const listeners = new Set<Listener>();
  const whenEmpty = new Set<() => void>();
  let nextId = 1;

  const onClosed = ({ id }: AgentConnection): void => {
    open.delete(id);
    if (open.size > 0) return;
    for (const resolve of whenEmpty) resolve();
    whenEmpty.clear();
  };
  const welcome: ListenerDeps['welcome'] = (peer: Authenticated) => {
    const { machineId } = peer.machine;
    if (offenders.isOut(machineId)) return BROKE_PROTOCOL;
    if (ofMachine(open, machineId).length >= CONNECTIONS_PER_MACHINE) return TOO_MANY;
    return (socket) => {
      const connection = new AgentConnection(nextId++, socket, peer, { ...deps, connections, onBroken: offenders.note, onClosed });
      open.set(connection.id, connection);
      return events(connection);
    };
  };

  const stopWatching = [
    writer.onCommitted(({ answers, summary, taken }) => {
      for (const { connection, bytes } of taken) open.get(connection)?.answered(bytes);
      for (const { connection, frame, protocolError } of answers) open.get(connection)?.answer(frame, protocolError);
      links.committed(summary);
    }),
    registry.onChange((machine) => {
      const banned = bannedBy(machine);
      if (!banned) return;
      const hint = `this machine was ${banned}: tt machines add ${machine.label} --again lets it join anew`;
      for (const connection of ofMachine(open, machine.machineId)) connection.goodbye(banned, hint);
    }),
  ];
  let closed: Promise<void> | undefined;

  return {
    async listen(options) {
      const listener = await openListener(options, {
        ...deps, collectorId, nonces, refusals, upgrades, welcome,
        authenticate: (authorization, ref) => authenticate(authorization, ref, { ...deps, collectorId, nonces }).then((outcome) => noted(outcome, links)),
      });
      listeners.add(listener);
      return listener;
    },
    rewind: (machineId, gens) => ofMachine(open, machineId).some((connection) => connection.rewind(gens)),
    async askForReplacements(machineId) {
      const asked = await Promise.all(ofMachine(open, machineId).map((connection) => connection.askForReplacements()));
      return asked.includes(true);
    },
    askForProbe: (machineId, id) => askForProbe(ofMachine(open, machineId), id),
    async drain() {
      closeAll(listeners);
      for (const connection of open.values()) connection.drain();
      await writer.idle();
      await deps.archive?.idle();
    },
    close() {
      closed ??= (async () => {
        for (const stop of stopWatching) stop();
        const gone = open.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => whenEmpty.add(resolve));
        for (const connection of open.values()) connection.goodbye('shutting_down', 'the collector is stopping; it takes what is left when it runs again');
        closeAll(listeners);
        await gone;
        refusals.close();
        upgrades.close();
      })();
      return closed;
    },
  };
}

function askForProbe(connections: readonly AgentConnection[], id: string): ReturnType<AgentConnection['askForProbe']> {
  const answers = connections.map((connection) => connection.askForProbe(id));
  return (['asked', 'older_agent'] as const).find((answer) => answers.includes(answer)) ?? 'not_connected';
}

const BROKE_PROTOCOL = { code: 'broke_protocol', hint: 'what this agent sent a moment ago was not understood: wait some seconds; are both of the same version?' };
const TOO_MANY = { code: 'too_many_connections', hint: 'this machine has several connections open already' };

function events(connection: AgentConnection): FrameSocketEvents {
  return {
    onFrame: (data, isBinary) => connection.onFrame(data, isBinary),
    onAlive: () => connection.onAlive(),
    onClose: (code, reason) => connection.onClose(code, reason),
  };
}

function ofMachine(open: ReadonlyMap<number, AgentConnection>, machineId: MachineId): AgentConnection[] {
  return [...open.values()].filter((connection) => connection.machineId === machineId);
}

/** A machine that came by a wrong way is shown: nobody reads the log of an agent that only waits. */
function noted<T extends Authenticated | AuthRefusal>(outcome: T, links: MachineLinks): T {
  if (!outcome.ok && outcome.signedBy !== undefined) links.refused(outcome.signedBy, { code: outcome.code, message: outcome.hint });
  return outcome;
}

function closeAll(listeners: Iterable<Listener>): void {
  for (const listener of listeners) listener.close();
}
