/** What breaks between two hosts in namespaces, or on the far one, and its repair. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { until } from './until.ts';

/** Names of the namespaces and of the two ends of the cable between them. */
export interface Cable {
  laptop: string;
  far: string;
  near: string;
  away: string;
}

export interface HostFaults {
  setLink(state: 'up' | 'down'): void;
  /** Packets vanish both ways, and nobody is told. */
  setBlackhole(isOn: boolean): void;
  /** The laptop goes on under another address. */
  roam(): void;
  /** Processes of this name on the laptop. */
  onLaptop(name: string): number[];
  /** With all its sessions. */
  killSshd(): Promise<void>;
  startSshd(): Promise<void>;
  /** Every process there ends, without a packet to anybody. */
  powerOff(): Promise<void>;
  /** sshd again, and what the account starts at boot. */
  boot(): Promise<void>;
}

interface FarHost {
  start(): Promise<void>;
  runAtBoot(): void;
}

export function createHostFaults({ laptop, far, near }: Cable, { start, runAtBoot }: FarHost): HostFaults {
  const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const nft = (command: string): void => ip('netns', 'exec', laptop, 'nft', command);
  let address = 1;
  const setBlackhole = (isOn: boolean): void => {
    if (!isOn) return nft('delete table ip tt');
    nft('add table ip tt');
    for (const [hook, name] of [['input', 'iifname'], ['output', 'oifname']]) {
      nft(`add chain ip tt ${hook} { type filter hook ${hook} priority 0; }`);
      nft(`add rule ip tt ${hook} ${name} ${near} drop`);
    }
  };
  return {
    setBlackhole,
    setLink: (state) => ip('-n', laptop, 'link', 'set', near, state),
    roam() {
      address = address >= 200 ? 3 : address + 2;
      ip('-n', laptop, 'addr', 'flush', 'dev', near);
      ip('-n', laptop, 'addr', 'add', `10.99.0.${address}/24`, 'dev', near);
    },
    onLaptop: (name) => processesIn(laptop).filter((pid) => nameOf(pid) === name),
    async killSshd() {
      const isSshd = (pid: number): boolean => nameOf(pid)?.startsWith('sshd') === true;
      kill(processesIn(far).filter(isSshd));
      await until('the end of sshd', () => !processesIn(far).some(isSshd));
    },
    startSshd: () => start(),
    async powerOff() {
      setBlackhole(true);
      killAllIn(far);
      await until('nothing that runs', () => processesIn(far).length === 0);
    },
    async boot() {
      await start();
      setBlackhole(false);
      runAtBoot();
    },
  };
}

function processesIn(namespace: string): number[] {
  const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter((line) => line !== '').map(Number);
}

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined; // it ended by itself
  }
}

/** Only what runs in a namespace that this test made. */
export function killAllIn(namespace: string): void {
  kill(processesIn(namespace));
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
