/** Programs on another host, as far as they can tell: names, boots and paths of their own, in namespaces. */
import { spawnSync } from 'node:child_process';

export interface OtherHost {
  /** What `hostname` says there. */
  name: string;
  /** Directory or file there → what is seen in its place. */
  places?: Readonly<Record<string, string>>;
  /** File of the kernel → what is written into it, e.g. a limit of this user. */
  settings?: Readonly<Record<string, string>>;
}

const ENTER = ['unshare', '--user', '--map-root-user', '--mount', '--uts', 'sh', '-c'];

/** Words before a command; its process ID stays. */
export function onHost({ name, places = {}, settings = {} }: OtherHost): string[] {
  const mounts = Object.entries(places).map(([there, seen]) => `mount --bind '${seen}' '${there}'`);
  const writes = Object.entries(settings).map(([file, value]) => `echo '${value}' > '${file}'`);
  return [...ENTER, [`hostname '${name}'`, ...mounts, ...writes, 'exec "$@"'].join(' && '), 'sh'];
}

/** Undefined where this works, else why it does not. */
export function otherHostProblem(): string | undefined {
  const [command = '', ...args] = onHost({ name: 'probe' });
  const { status, error, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `no namespaces here: ${error?.message ?? stderr.trim()}`;
}
