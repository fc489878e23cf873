/** A laptop without tunnels: no machine of it has one. */
import type { CollectorDeps } from '../../collector/collector.ts';
import type { Tunnels } from '../../collector/tunnel/tunnels.ts';

export const noTunnelling: CollectorDeps['tunnelling'] = {
  runSsh: () => {
    throw new Error('nobody has a tunnel here');
  },
  check: () => Promise.resolve(true),
  networkFingerprint: () => '',
};

export const noTunnels: Tunnels = {
  state: () => undefined,
  onChange: () => () => {},
  restart: () => 0,
  close: () => Promise.resolve(),
};
