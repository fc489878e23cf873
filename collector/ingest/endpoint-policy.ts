/**
 * By which address a machine may come. What an agent dialled is signed into its
 * token, so that a relay can pass it on but not change it: whoever took a port
 * that a tunnel has left can forward all it likes, and is refused here.
 *
 * Asked at the upgrade only: a connection that stands ends with the tunnel it came by.
 * Limit: on the shared port an address is one that the machine itself can name, the
 * same for months; only a tunnel has a fresh one at every start.
 */
import type { MachineId } from '../../shared/ids.ts';
import { isLoopback } from '../../shared/loopback.ts';
import { isPipeEndpoint, parseEndpoint } from '../../shared/protocol/endpoint.ts';
import type { EnrolledMachine } from '../enrolment/machine-registry.ts';

/** The listener a request came in by. */
export interface ListenerRef {
  readonly name: string;
  /** Null for a Unix socket. */
  readonly port: number | null;
  /** The only machine it admits; undefined: every enrolled one. */
  readonly admits: MachineId | undefined;
  /** The only address that leads here: of one run of `tt sync`, that nobody else was told. */
  readonly dialled?: string | undefined;
}

/** May this machine come in by this listener, having dialled `endpoint` (as `parseEndpoint` prints it)? */
export type EndpointPolicy = (machine: Pick<EnrolledMachine, 'machineId' | 'joinedBy'>, endpoint: string, listener: ListenerRef) => boolean;

export interface MachineEndpoints {
  readonly allows: EndpointPolicy;
  /**
   * From now on this machine comes through its tunnel alone: by a listener of its
   * own, having dialled `endpoint`, the remote end. What was current before is
   * abandoned. Null: nothing is current until the next call (between two tunnels,
   * and before the first one of this run). Throws `endpoint_invalid`.
   */
  tunnelled(machineId: MachineId, endpoint: string | null): void;
  /** It has no tunnel any more: the shared port admits it. */
  untunnelled(machineId: MachineId): void;
}

export interface MachineEndpointsOptions {
  /** Public addresses of the shared port, beside its own on loopback. Throws `endpoint_invalid`. */
  urls: readonly string[];
}

export function createMachineEndpoints({ urls }: MachineEndpointsOptions): MachineEndpoints {
  const shared = new Set(urls.map((url) => parseEndpoint(url).url));
  const current = new Map<MachineId, string | null>();
  return {
    allows({ machineId, joinedBy }, endpoint, { admits, port, dialled }) {
      if (dialled !== undefined || isPipeEndpoint(endpoint)) return endpoint === dialled;
      const tunnel = current.get(machineId);
      if (tunnel !== undefined || admits !== undefined) return admits === machineId && tunnel === endpoint;
      return endpoint === joinedBy || shared.has(endpoint) || namesLoopbackPort(endpoint, port);
    },
    tunnelled: (machineId, endpoint) => void current.set(machineId, endpoint === null ? null : parseEndpoint(endpoint).url),
    untunnelled: (machineId) => void current.delete(machineId),
  };
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

function namesLoopbackPort(endpoint: string, port: number | null): boolean {
  if (port === null || !URL.canParse(endpoint)) return false;
  const { protocol, hostname, port: named } = new URL(endpoint);
  const dialled = named === '' ? DEFAULT_PORTS[protocol] : named;
  return protocol in DEFAULT_PORTS && isLoopback(hostname) && dialled === String(port);
}
