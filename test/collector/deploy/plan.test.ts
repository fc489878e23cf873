import { describe, expect, it } from 'vitest';
import type { MachineRow } from '../../../collector/control/control-methods.ts';
import { parseFacts, type RemoteFacts } from '../../../collector/deploy/look.ts';
import { planDeploy, planWords, type DeployPlan, type PlanKnowledge } from '../../../collector/deploy/plan.ts';
import { sha256Of } from '../../../collector/deploy/put-file.ts';

const ID = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const files = { agent: Buffer.from('agent'), hook: 'hook', hooksConf: 'conf' };
const FRESH = `shell=ok
home=/home/me
data=/home/me/.local/share/tt
state=/home/me/.local/state/tt
system=Linux x86_64
host=Devbox.example.org
node=20.19.0 /usr/bin/node
room=900000
missing=/home/me/.local
keeper=systemd
tmux=3.3a
tmux_conf=/home/me/.tmux.conf
end=yes`;

function facts(...more: string[]): RemoteFacts {
  return parseFacts([...more, ...FRESH.split('\n')].map((line) => ({ name: line.split('=')[0] ?? '', value: line.slice(line.indexOf('=') + 1) })));
}
function row(label: string, machineId = ID, ended: Partial<MachineRow> = {}): MachineRow {
  return {
    machine_id: machineId, label, enrolled_at: '2026-01-01T00:00:00.000Z', retired_at: null, revoked_at: null, connected: true, connected_since: null,
    last_seen_at: null, version: null, problem: null, archive: false, ...ended,
  };
}
function plan(change: Partial<PlanKnowledge> = {}): DeployPlan {
  return planDeploy({
    host: 'me@devbox', facts: facts(), wishes: { label: undefined, tmux: 'yes', service: 'yes' }, files, collectorId: 'C', machines: [], tunnelHosts: new Map(), ...change,
  });
}
const joined = (...more: string[]): RemoteFacts => facts(`machine={"machine_id":"${ID}","label":"x"}`, 'uplink={"collector_id":"C"}', 'had=machine.key', 'deployed=yes', ...more);

describe('the plan for a machine', () => {
  it('has everything to do on an empty home, and asks only about tmux.conf', () => {
    const { label, needsJoin, isUpgrade, copies, questions } = plan();
    expect({ label, needsJoin, isUpgrade }).toEqual({ label: 'devbox', needsJoin: true, isUpgrade: false });
    expect(copies.map(({ path }) => path.split('/').at(-1))).toEqual(['deployed', 'tt-agent.mjs', 'hook.sh', 'tmux-hooks.conf']);
    expect(String(copies[0]?.content)).toBe('made /home/me/.local\n');
    expect(questions).toEqual(['add a marked block to /home/me/.tmux.conf on me@devbox']);
  });

  it('takes its label from the flag, then TT_LABEL or HOST_MACHINE there, then the host', () => {
    expect(plan({ facts: facts('wish=Build Box') }).label).toBe('build-box');
    expect(plan({ facts: facts('wish=Build Box'), wishes: { label: 'mine', tmux: 'no', service: 'no' } }).label).toBe('mine');
  });

  it('keeps the identity of a machine that has joined, and copies only what differs', () => {
    const known = joined(`sha256=${sha256Of(files.agent)} /home/me/.local/share/tt/tt-agent.mjs`, 'tmux_block=yes');
    const { label, needsJoin, isUpgrade, copies, questions, tmux } = plan({ facts: known, machines: [row('shop')], tunnelHosts: new Map([[ID, 'me@devbox']]) });
    expect({ label, needsJoin, isUpgrade, questions, tmux }).toEqual({ label: 'shop', needsJoin: false, isUpgrade: false, questions: [], tmux: 'there' });
    expect(copies.map(({ path }) => path.split('/').at(-1))).toEqual(['hook.sh', 'tmux-hooks.conf']);
  });

  it('keeps the agent of before where another is there', () => {
    const other = joined(`sha256=${'0'.repeat(64)} /home/me/.local/share/tt/tt-agent.mjs`);
    const { isUpgrade, copies } = plan({ facts: other, machines: [row('shop')] });
    expect(isUpgrade).toBe(true);
    expect(copies.find(({ path }) => path.endsWith('tt-agent.mjs'))?.previous).toBe('/home/me/.local/share/tt/tt-agent.mjs.previous');
  });

  it('enrols a retired machine again, by its own label', () => {
    const { label, needsJoin, isKnown } = plan({ facts: joined(), machines: [row('shop', ID, { retired_at: '2026-01-02T00:00:00.000Z' })] });
    expect({ label, needsJoin, isKnown }).toEqual({ label: 'shop', needsJoin: true, isKnown: true });
  });

  it('asks before it takes one host for another', () => {
    expect(plan({ facts: joined('tmux_block=yes'), machines: [row('shop')], tunnelHosts: new Map([[ID, 'old-host']]) }).questions)
      .toEqual(['take me@devbox for shop, which is known at old-host']);
  });

  it('asks before it takes the tunnel of another machine, as where a host was set up from nothing', () => {
    const tunnelHosts = new Map([[ID, 'me@devbox'], ['gone', 'me@devbox']]);
    const ended = row('gone-too', 'gone', { retired_at: '2026-01-02T00:00:00.000Z' });
    const taking = plan({ facts: facts('tmux_block=yes'), machines: [ended, row('devbox-old')], tunnelHosts });
    expect(taking.questions).toEqual(['give the tunnel to me@devbox to devbox: devbox-old has none then']);
    expect(planWords(taking, { host: 'me@devbox', facts: facts() })).toContain('keep a tunnel to me@devbox whenever the collector runs, and none of devbox-old any more');
    expect(plan({ facts: facts('tmux_block=yes'), machines: [ended], tunnelHosts }).questions).toEqual([]);
  });

  it('adds nothing to a machine that is only brought up to date', () => {
    const { tmux, service } = plan({ facts: joined(), machines: [row('shop')], wishes: { label: undefined, tmux: 'if_there', service: 'if_there' } });
    expect({ tmux, service }).toEqual({ tmux: 'none', service: false });
  });

  it.each<[string, Partial<PlanKnowledge>, string]>([
    ['no home', { facts: parseFacts([{ name: 'shell', value: 'ok' }]) }, 'remote_home'],
    ['no Node', { facts: withoutNode() }, 'remote_node'],
    ['no room', { facts: facts('room=1000') }, 'remote_full'],
    ['a home that is not ours', { facts: facts('unwritable=/home/me') }, 'remote_write'],
    ['another collector', { facts: facts('uplink={"collector_id":"D"}') }, 'other_collector'],
    ['the laptop itself', { facts: facts('collector=C') }, 'this_machine'],
    ['a label that is taken', { machines: [row('devbox', 'another')] }, 'label_taken'],
    ['another label than its own', { facts: joined(), machines: [row('shop')], wishes: { label: 'mine', tmux: 'no', service: 'no' } }, 'label_differs'],
    ['a revoked machine', { facts: joined(), machines: [row('shop', ID, { revoked_at: '2026-01-02T00:00:00.000Z' })] }, 'machine_revoked'],
  ])('refuses %s, with the next step', (_what, change, code) => {
    let failure: unknown;
    try {
      plan(change);
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code, hint: expect.stringMatching(/\S{3}/) as string });
  });

  it('names the old Node that is there, and where to get one', () => {
    expect(() => plan({ facts: withoutNode('old_node=18.2.0 /usr/bin/node') })).toThrow('there is no Node 20.19 or newer on me@devbox, only 18.2.0 (/usr/bin/node)');
  });

  function withoutNode(...more: string[]): RemoteFacts {
    return { ...facts(...more), node: undefined };
  }
});
