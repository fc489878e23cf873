import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PLACES } from '../../../collector/deploy/places.ts';
import { openMachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { HOLD_COMMAND, printHoldRequest } from '../../../collector/tunnel/remote-end.ts';
import { createTunnels } from '../../../collector/tunnel/tunnels.ts';
import { silentLog } from '../../../shared/log.ts';
import { localSsh } from '../../support/local-ssh.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { machineId } from '../../support/scripted-agent.ts';

const REMOVE = readFileSync(new URL('../../../deploy/remote-remove.sh', import.meta.url), 'utf8');

let home: string;
let farEnd: Server | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-'));
});
afterEach(() => {
  farEnd?.close();
  rmSync(home, { recursive: true, force: true });
});

it('keep their near ends where the account is another collector’s machine as well', async () => {
  const [data, state] = [join(home, 'data'), join(home, 'state')];
  const run = join(state, 'run');
  for (const directory of [data, run]) mkdirSync(directory, { recursive: true });
  const registry = openMachineRegistry(join(data, 'machines.json'));
  registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: 'A'.repeat(43), nowMs: 0 });
  registry.setSshHost('devbox', 'devbox');
  let nearEnd = '';
  let announce = (): void => {};
  const listening = new Promise<void>((resolve) => (announce = resolve));
  const tunnels = createTunnels({
    clock: new ManualClock(), log: silentLog, registry, config: { tunnels: {} }, socketDir: run,
    endpoints: { tunnelled: () => {}, untunnelled: () => {} },
    ingest: {
      listen: ({ listen }) => {
        nearEnd = 'socketPath' in listen ? listen.socketPath : '';
        writeFileSync(nearEnd, '');
        announce();
        return Promise.resolve({ port: null, close: () => {} });
      },
    },
    runSsh: () => localSsh()(['exit 255']),
    check: () => Promise.resolve(true),
    networkFingerprint: () => '',
  });
  await listening;

  const socket = join(run, 'in-0123456789abcdef.sock');
  farEnd = createServer().listen(socket);
  await once(farEnd, 'listening');
  const held = spawnSync('sh', ['-c', HOLD_COMMAND], { input: printHoldRequest({ endpoint: `tt+unix://${socket}`, stateDir: state, token: 'abc' }), encoding: 'utf8' });
  expect({ said: held.stdout, near: existsSync(nearEnd) }).toEqual({ said: 'tt tunnel ok abc\n', near: true });
  const removed = spawnSync('sh', ['-c', PLACES + REMOVE], { input: `${data}\n${state}\n\n`, encoding: 'utf8', env: { ...process.env, HOME: home } });
  expect({ said: removed.stdout, far: existsSync(socket), near: existsSync(nearEnd) }).toEqual({ said: expect.stringContaining('tt:removed=yes') as unknown, far: false, near: true });
  await tunnels.close();
});
