/** What `tt deploy` has to do at a machine, out of what is there: decided before anything is changed. */
import { basename } from 'node:path';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { isLabel, toLabel } from '../../shared/ids.ts';
import { bytesWords } from '../../shared/status-words.ts';
import type { MachineRow } from '../control/control-methods.ts';
import { remoteFailed } from './failures.ts';
import { OLDEST_NODE } from './find-node.ts';
import type { FoundNode, RemoteFacts } from './look.ts';
import { sha256Of, type RemoteFile } from './put-file.ts';
import type { ShippedFiles } from './shipped-files.ts';
import { hooksFor } from './tmux-block.ts';

/** `if_there`: what is installed is brought up to date, and nothing is added. */
export type Wanted = 'yes' | 'if_there' | 'no';

export interface DeployWishes {
  label: string | undefined;
  tmux: Wanted;
  service: Wanted;
}

export interface PlanKnowledge {
  host: string;
  facts: RemoteFacts;
  wishes: DeployWishes;
  files: ShippedFiles;
  collectorId: string | null;
  machines: readonly MachineRow[];
  /** machine_id → where its tunnel goes to. */
  tunnelHosts: ReadonlyMap<string, string>;
}

export interface DeployPlan {
  node: FoundNode;
  label: string;
  agentFile: string;
  /** Only those that are not there already. */
  copies: readonly RemoteFile[];
  /** Another agent was there, now or before a run that ended too early, and is kept: it is put back where the new one does not come up. */
  isUpgrade: boolean;
  needsJoin: boolean;
  /** The label is its own already. */
  isKnown: boolean;
  service: boolean;
  /** Label of the machine that has the tunnel to this host until then. */
  tunnelOf: string | undefined;
  /** Hooks for tmux: of no use, or in place already, or to be put into the user's file. */
  tmux: 'none' | 'there' | 'add';
  /** What a person has to agree to. */
  questions: readonly string[];
  notes: readonly string[];
}

const ROOM_KIB = 16 * 1024;
const OLDEST_TMUX = 3;

/** Throws what is in the way; nothing was changed then. */
export function planDeploy(knowledge: PlanKnowledge): DeployPlan {
  const { host, facts, wishes, files } = knowledge;
  const node = requireRoom(host, facts);
  const { label, isKnown, needsJoin, movedFrom } = decideIdentity(knowledge);
  const tunnelOf = holderOf(knowledge);
  const { tmux, note: tmuxNote } = decideTmux(facts, wishes.tmux);
  const service = wishes.service === 'yes' || (wishes.service === 'if_there' && facts.hasService);
  const agentFile = `${facts.dataDir}/tt-agent.mjs`;
  return {
    node, label, agentFile, isKnown, needsJoin, service, tunnelOf, tmux,
    copies: toCopies(facts, files, agentFile),
    isUpgrade: facts.sums.has(agentFile) && (facts.isUnproven || isOther(facts, agentFile, files.agent)),
    questions: [
      ...(tmux === 'add' ? [`add a marked block to ${facts.tmuxConf.file} on ${host}`] : []),
      ...(movedFrom === undefined ? [] : [`take ${host} for ${label}, which is known at ${movedFrom}`]),
      ...(tunnelOf === undefined ? [] : [`give the tunnel to ${host} to ${label}: ${tunnelOf} has none then`]),
    ],
    notes: [
      ...tmuxNote,
      ...facts.takenLaunchers.map((name) => `~/.local/bin/${name} is something else and stays: the agent is ${agentFile}`),
      ...(service ? [] : [`nothing keeps the agent running; by hand, there: ${node.path} ${agentFile} run`]),
    ],
  };
}

/** Throws what is missing there for any program of ours. */
export function requireNode(host: string, { home, node, oldNodes }: RemoteFacts): FoundNode {
  if (home === undefined) throw new TtError('remote_home', `${host} has no home directory for you`, { hint: `HOME must be set there: ssh ${host} 'echo $HOME'` });
  if (!node) {
    const [old] = oldNodes;
    throw new TtError('remote_node', `there is no Node ${OLDEST_NODE} or newer on ${host}${old ? `, only ${old.version} (${old.path})` : ''}`, {
      hint: 'install one there, https://nodejs.org/en/download tells how; as your own user is enough (nvm, fnm, volta, ~/.local/bin); then run the same command again',
    });
  }
  return node;
}

function requireRoom(host: string, facts: RemoteFacts): FoundNode {
  const node = requireNode(host, facts);
  const { unwritable, freeKiB, dataDir } = facts;
  const [closed] = unwritable;
  if (closed !== undefined) throw remoteFailed(`write ${closed}`, host);
  if (freeKiB !== null && freeKiB < ROOM_KIB) {
    throw new TtError('remote_full', `${host} has ${bytesWords(freeKiB * 1024)} left where ${dataDir} is, too little`, {
      hint: `make room for ${bytesWords(ROOM_KIB * 1024)}: ssh ${host} df -h; then run the same command again`,
    });
  }
  return node;
}

interface Identity {
  label: string;
  isKnown: boolean;
  needsJoin: boolean;
  movedFrom: string | undefined;
}

function decideIdentity({ host, facts, wishes, collectorId, machines, tunnelHosts }: PlanKnowledge): Identity {
  const { machineId } = facts;
  if (facts.ownCollectorId !== undefined && facts.ownCollectorId === collectorId) {
    throw new TtError('this_machine', `${host} is this machine: its collector runs there, in the same account`, {
      hint: 'it needs no tunnel: tt machines add LABEL, the command that prints, and tt-agent install', exitCode: EXIT_CODES.usage,
    });
  }
  if (facts.collectorId !== undefined && facts.collectorId !== collectorId) {
    throw new TtError('other_collector', `${host} has joined another collector already`, {
      hint: `undeploy it from there first; or, to leave that one: ssh ${host} rm ${facts.dataDir}/uplink.json; then run the same command again`,
    });
  }
  const known = machines.find(({ machine_id }) => machine_id === machineId);
  if (known) {
    requireWelcome(host, known, wishes.label);
    const isEnrolled = facts.collectorId !== undefined && known.retired_at === null && facts.had.includes('machine.key');
    const before = tunnelHosts.get(known.machine_id);
    return { label: known.label, isKnown: true, needsJoin: !isEnrolled, movedFrom: before === host ? undefined : before };
  }
  const label = wishes.label ?? toLabel(facts.wishedLabel === '' ? facts.hostname : facts.wishedLabel);
  if (!isLabel(label)) {
    throw new TtError('label_invalid', `${JSON.stringify(label)} is not a label`, {
      hint: `use lower case letters, digits, - and _: tt deploy ${host} --label LABEL`, exitCode: EXIT_CODES.usage,
    });
  }
  if (machines.some((machine) => machine.label === label)) {
    throw new TtError('label_taken', `another machine is called ${JSON.stringify(label)}`, {
      hint: `choose another: tt deploy ${host} --label OTHER; or, if that one is gone: tt machines rename ${label} ${label}-old`, exitCode: EXIT_CODES.usage,
    });
  }
  return { label, isKnown: false, needsJoin: true, movedFrom: undefined };
}

/** The other machine whose tunnel goes there, as after the host was set up from nothing: an account has one. */
function holderOf({ host, facts, machines, tunnelHosts }: PlanKnowledge): string | undefined {
  return machines.find(({ machine_id, retired_at, revoked_at }) =>
    machine_id !== facts.machineId && tunnelHosts.get(machine_id) === host && retired_at === null && revoked_at === null)?.label;
}

function requireWelcome(host: string, known: MachineRow, wish: string | undefined): void {
  if (known.revoked_at !== null) {
    throw new TtError('machine_revoked', `${host} is ${known.label}, which was revoked`, {
      hint: `to give it another identity, there: tt-agent init --new-identity; then: tt deploy ${host} --label OTHER`, exitCode: EXIT_CODES.unauthorised,
    });
  }
  if (wish !== undefined && wish !== known.label) {
    throw new TtError('label_differs', `${host} is known as ${known.label}`, {
      hint: `rename it: tt machines rename ${known.label} ${wish}; then: tt deploy ${host}`, exitCode: EXIT_CODES.usage,
    });
  }
}

function decideTmux({ tmux, tmuxConf }: RemoteFacts, wanted: Wanted): { tmux: DeployPlan['tmux']; note: string[] } {
  if (wanted === 'no') return { tmux: 'none', note: [] };
  if (tmuxConf.hasBlock) return { tmux: 'there', note: [] };
  if (wanted === 'if_there') return { tmux: 'none', note: [] };
  if (tmux === undefined) return { tmux: 'none', note: ['there is no tmux, so nothing tells which pane you look at'] };
  if (Number(/\d+/.exec(tmux)?.[0] ?? OLDEST_TMUX) < OLDEST_TMUX) return { tmux: 'none', note: [`tmux ${tmux} is too old for hooks: 3.0 or newer`] };
  return { tmux: 'add', note: [] };
}

function toCopies(facts: RemoteFacts, { agent, hook, hooksConf }: ShippedFiles, agentFile: string): RemoteFile[] {
  const { dataDir } = facts;
  const copies: RemoteFile[] = [
    { path: agentFile, content: agent, mode: '600', previous: `${agentFile}.previous` },
    { path: `${dataDir}/hook.sh`, content: Buffer.from(hook), mode: '700' },
    { path: `${dataDir}/tmux-hooks.conf`, content: Buffer.from(hooksFor(hooksConf, facts)), mode: '600' },
  ];
  // What was here before says what may be removed one day: it comes first, and only once.
  const notes = [...facts.missing.map((directory) => `made ${directory}`), ...facts.had.map((name) => `had ${name}`)];
  const deployed: RemoteFile = { path: `${dataDir}/deployed`, content: Buffer.from(notes.map((note) => `${note}\n`).join('')), mode: '600' };
  return [...(facts.deployed ? [] : [deployed]), ...copies.filter(({ path, content }) => isOther(facts, path, content))];
}

function isOther({ sums }: RemoteFacts, path: string, content: Uint8Array): boolean {
  return sums.get(path) !== sha256Of(content);
}

const KEEPER_WORDS: Readonly<Record<string, string>> = { background: 'a keeper in the background: there is no systemd of yours there', systemd: 'systemd, as you', launchd: 'launchd' };

/** For `--dry-run`: what would be done, one line a step. */
export function planWords(plan: DeployPlan, { host, facts }: Pick<PlanKnowledge, 'host' | 'facts'>): string[] {
  const { copies, isUpgrade, needsJoin, isKnown, label, service, tunnelOf, tmux } = plan;
  return [
    copies.length === 0 ? 'copy nothing: all files are there' : `copy to ${facts.dataDir}: ${copies.map(({ path, content }) => `${basename(path)} (${bytesWords(content.length)})`).join(', ')}`,
    ...(isUpgrade ? [upgradeWords(plan)] : []),
    `write ~/.local/bin/tt-agent and ~/.local/bin/tt`,
    needsJoin ? `enrol it as ${label}` : `keep its identity: ${label}`,
    `keep a tunnel to ${host} whenever the collector runs${tunnelOf === undefined ? '' : `, and none of ${tunnelOf} any more`}`,
    ...(service ? [`${facts.hasService ? 'restart' : 'install'} the service (${KEEPER_WORDS[facts.keeper] ?? facts.keeper})`] : []),
    ...(tmux === 'add' ? [`add a marked block to ${facts.tmuxConf.file}, and read it into running tmux servers`] : []),
    ...(isKnown ? [] : ['wait for its first events']),
  ];
}

function upgradeWords({ copies, agentFile }: DeployPlan): string {
  const name = basename(agentFile);
  return copies.some(({ path }) => path === agentFile) ? `keep the agent of now as ${name}.previous` : `put ${name}.previous back where the agent of now, which has not connected yet, does not come up`;
}
