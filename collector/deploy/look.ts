/** What is on the other machine, before anything is changed there. */
import { readFileSync } from 'node:fs';
import { TtError } from '../../shared/errors.ts';
import { noShell } from './failures.ts';
import { FIND_NODE, OLDEST_NODE } from './find-node.ts';
import { PLACES } from './places.ts';
import type { RemoteShell } from './remote-shell.ts';

const LOOK = readFileSync(new URL('../../deploy/remote-look.sh', import.meta.url), 'utf8');

export interface FoundNode {
  version: string;
  path: string;
}

export interface RemoteFacts {
  /** Undefined where HOME is not set. */
  home: string | undefined;
  dataDir: string;
  stateDir: string;
  /** `Linux x86_64`. */
  system: string;
  hostname: string;
  /** `TT_LABEL` or `HOST_MACHINE` there; '' for none. */
  wishedLabel: string;
  node: FoundNode | undefined;
  oldNodes: readonly FoundNode[];
  /** Directories that had to be ours to write, and are not. */
  unwritable: readonly string[];
  /** Null: not known. */
  freeKiB: number | null;
  /** Directories that are not there yet, outer ones first. */
  missing: readonly string[];
  /** Files of tt that are there. */
  had: readonly string[];
  /** This command was there before. */
  deployed: boolean;
  /** An earlier run ended before its new agent had connected; the one of before is kept. */
  isUnproven: boolean;
  /** Of a collector that runs or ran there, in this account. */
  ownCollectorId: string | undefined;
  machineId: string | undefined;
  /** Of the collector that it joined. */
  collectorId: string | undefined;
  takenLaunchers: readonly string[];
  /** SHA-256 of our files there, by path. */
  sums: ReadonlyMap<string, string>;
  keeper: string;
  hasService: boolean;
  tmux: string | undefined;
  tmuxConf: { file: string; exists: boolean; hasBlock: boolean };
}

export async function look(shell: RemoteShell): Promise<RemoteFacts> {
  const { said, stdout, stderr } = await shell.run(FIND_NODE + PLACES + LOOK, { values: [OLDEST_NODE] });
  const isWhole = said.some(({ name }) => name === 'end');
  if (!isWhole && !said.some(({ name }) => name === 'shell')) throw noShell(shell.host, stdout.trim() === '' ? stderr : stdout);
  const facts = parseFacts(said);
  if (facts.home !== undefined && !isWhole) {
    throw new TtError('remote_look', `the look at ${shell.host} ended before its end`, { hint: `what does its shell say? ssh ${shell.host} true` });
  }
  return facts;
}

export function parseFacts(said: readonly { name: string; value: string }[]): RemoteFacts {
  const all = (name: string): string[] => said.filter((each) => each.name === name).map(({ value }) => value);
  const one = (name: string): string | undefined => all(name)[0];
  const room = one('room') ?? '';
  return {
    home: one('home'),
    dataDir: one('data') ?? '',
    stateDir: one('state') ?? '',
    system: one('system') ?? '',
    hostname: one('host') ?? '',
    wishedLabel: one('wish') ?? '',
    node: all('node').map(toNode)[0],
    oldNodes: all('old_node').map(toNode),
    unwritable: [...new Set(all('unwritable'))],
    freeKiB: /^\d+$/.test(room) ? Number(room) : null,
    missing: [...new Set(all('missing'))],
    had: all('had'),
    deployed: one('deployed') === 'yes',
    isUnproven: one('unproven') === 'yes',
    ownCollectorId: one('collector'),
    machineId: idIn(one('machine'), 'machine_id'),
    collectorId: idIn(one('uplink'), 'collector_id'),
    takenLaunchers: all('launcher').filter((text) => text.startsWith('taken ')).map((text) => text.slice('taken '.length)),
    sums: new Map(all('sha256').map((text) => [text.slice(65), text.slice(0, 64)])),
    keeper: one('keeper') ?? 'background',
    hasService: one('service') === 'yes',
    tmux: one('tmux'),
    tmuxConf: { file: one('tmux_conf') ?? '', exists: one('tmux_conf_there') === 'yes', hasBlock: one('tmux_block') === 'yes' },
  };
}

function toNode(text: string): FoundNode {
  const [version = '', ...path] = text.split(' ');
  return { version, path: path.join(' ') };
}

/** What is no such document is for the agent there to complain about. */
function idIn(text: string | undefined, key: string): string | undefined {
  try {
    const value = (JSON.parse(text ?? '') as Record<string, unknown> | null)?.[key];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
