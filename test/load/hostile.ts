/** Bad clients against the built collector, and what it, and the honest machines beside them, notice of them. */
import { percentile, type Row } from '../bench/measure.ts';
import { createControlClient } from '../../collector/control/control-client.ts';
import { systemClock } from '../../shared/clock.ts';
import { NONCE_LIFETIME_MS } from '../../shared/limits.ts';
import { batchOf, challenge, paneFocus, tokenFor, type JoinedMachine } from '../support/scripted-agent.ts';
import { ATTACKS, greeted, tally, type Target } from './attacks.ts';
import { openLoadedCollector } from './bench-collector.ts';
import { startHonestAgents, type HonestAgents } from './honest.ts';
import { open, refusedUpgrade } from './raw-peer.ts';

export const FRESH_MS = 1000;
export const GROWTH = 1.15;
const ATTACKERS = 150;
const FRESH = 6;

export interface HostileOptions {
  /** Every attack once in each; four make all tries. */
  rounds: number;
  /** Part of each attack's tries, 1 for all. */
  share: number;
  /** Wait for a challenge to expire: 30 s. */
  withExpiry: boolean;
  /** Of the steady machine alone, before anybody attacks. */
  quietMs: number;
  progress?: (text: string) => void;
}

export interface Ended {
  attack: string;
  expected: readonly string[];
  ends: Map<string, number>;
  /** Ms of the steady machine's acknowledgements meanwhile. */
  acks: number[];
}

export interface HostileResult {
  ended: Ended[];
  rssMb: { firstQuarter: number; end: number };
  acks: { quiet: readonly number[]; attacked: readonly number[] };
  /** Ms until a machine that connects for the first time is acknowledged. */
  fresh: { quiet: readonly number[]; whileHeld: readonly number[] };
}

export async function measureHostile(options: HostileOptions): Promise<HostileResult> {
  const collector = await openLoadedCollector(4 + FRESH + ATTACKERS);
  const [revoked, retired, victim, steady, ...others] = collector.machines;
  if (!revoked || !retired || !victim || !steady) throw new Error('too few machines');
  const attackers = others.slice(FRESH);
  const nextAttacker = (): JoinedMachine => {
    const [next] = attackers.splice(0, 1);
    if (!next) throw new Error('there is no attacker');
    attackers.push(next);
    return next;
  };
  const control = createControlClient(collector.home.paths.controlSocket);
  await control.call('machines.revoke', { label: revoked.label });
  await control.call('machines.retire', { label: retired.label });
  const { url } = collector;
  const target: Target = { url, address: { host: '127.0.0.1', port: collector.process().ingestPort }, nextAttacker, revoked, retired, victim };
  const honest = await startHonestAgents(collector.home.directory, { url, steady, fresh: others.slice(0, FRESH) });
  try {
    const fresh = { quiet: [await honest.comeFresh()], whileHeld: [] as number[] };
    honest.takeAcks();
    await systemClock.sleep(options.quietMs);
    const quiet = honest.takeAcks();
    const expiring = options.withExpiry ? expired(target) : undefined;
    const ended = ATTACKS.map(({ name, expected }): Ended => ({ attack: name, expected, ends: new Map(), acks: [] }));
    const rssMb = { firstQuarter: 0, end: 0 };
    for (let round = 0; round < options.rounds; round += 1) {
      for (const [at, attack] of ATTACKS.entries()) {
        options.progress?.(`round ${round + 1} of ${options.rounds}: ${attack.name}`);
        const ends = await tally(attack, target, Math.max(1, Math.round(attack.tries * options.share)));
        for (const [end, count] of ends) ended[at]?.ends.set(end, (ended[at].ends.get(end) ?? 0) + count);
        ended[at]?.acks.push(...honest.takeAcks());
      }
      if (round === 0) rssMb.firstQuarter = collector.rssMb();
    }
    rssMb.end = collector.rssMb();
    if (expiring) ended.push({ attack: 'an expired challenge', expected: ['401 unauthorised'], ends: new Map([[await expiring, 1]]), acks: [] });
    options.progress?.('one machine holds all it can');
    fresh.whileHeld.push(...await whileHeld(target, honest));
    return { ended, rssMb, acks: { quiet, attacked: ended.flatMap(({ acks }) => acks) }, fresh };
  } finally {
    await honest.close();
    await collector.close();
  }
}

async function expired(target: Target): Promise<string> {
  const machine = target.nextAttacker();
  const token = await tokenFor(target.url, machine, { nonce: await challenge(target.url) });
  await systemClock.sleep(NONCE_LIFETIME_MS + 500);
  return refusedUpgrade(target.address, [`Authorization: Bearer ${token}`]);
}

/** One machine fills every queue it may fill, again and again; meanwhile others connect for the first time. */
async function whileHeld(target: Target, honest: HonestAgents): Promise<number[]> {
  let isOver = false;
  const silent = keepSilentSockets(target, () => isOver);
  const floods = [keepFlooding(target, target.nextAttacker(), () => isOver)];
  await systemClock.sleep(1000);
  const times: number[] = [];
  for (let at = 0; at < 3; at += 1) {
    times.push(await honest.comeFresh());
    await systemClock.sleep(300);
  }
  isOver = true;
  await Promise.all([silent, ...floods]);
  return times;
}

/** More than may be unauthenticated at once, opened anew as fast as they are closed, for a while. */
async function keepSilentSockets({ address }: Target, isOver: () => boolean): Promise<void> {
  const one = async (): Promise<void> => {
    while (!isOver()) {
      const socket = open(address);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      const cancel = systemClock.every(100, () => {
        if (isOver()) socket.destroy();
      });
      await closed;
      cancel();
      await systemClock.sleep(1000);
    }
  };
  await Promise.all(Array.from({ length: 60 }, one));
}

/** As many small batches as a connection takes, without waiting for an answer; when it is sent away, anew. */
async function keepFlooding(target: Target, machine: JoinedMachine, isOver: () => boolean): Promise<void> {
  const focus = paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z');
  const text = batchOf(1, [focus]);
  while (!isOver()) {
    const agent = await greeted(target, machine).catch(() => undefined);
    for (let sent = 0; agent !== undefined && sent < 20_000 && !agent.closed && !isOver(); sent += 1) {
      agent.send(text);
      if (sent % 500 === 499) await systemClock.sleep(0);
    }
    agent?.terminate();
    await agent?.close();
    await systemClock.sleep(50);
  }
}

function wrongOnes({ expected, ends }: Ended): [end: string, count: number][] {
  return [...ends].filter(([end]) => !expected.includes(end));
}

/** Tries that did not end as they must. */
export function wrongEnds({ ended }: HostileResult): string[] {
  return ended.flatMap((each) => wrongOnes(each).map(([end, count]) => `${each.attack}: ${count} × ${end}`));
}

export function hostileRows(result: HostileResult): Row[] {
  const { ended, rssMb, acks, fresh } = result;
  const told = (ends: Map<string, number>): string => [...ends].map(([end, count]) => `${count} × ${end}`).join(', ');
  const difference = percentile(acks.attacked, 99) - percentile(acks.quiet, 99);
  return [
    ...ended.map((each): Row => {
      const { attack, ends, acks: beside } = each;
      return { name: `bad client: ${attack}`, unit: 'others', target: 0, measured: wrongOnes(each).reduce((sum, [, count]) => sum + count, 0), note: `${told(ends)}${beside.length === 0 ? '' : `; others’ acks p50 ${percentile(beside, 50).toFixed(0)}, max ${percentile(beside, 100).toFixed(0)} ms`}` };
    }),
    { name: 'collector RSS at the end ÷ after the first quarter', measured: rssMb.end / rssMb.firstQuarter, target: GROWTH, note: `${rssMb.firstQuarter.toFixed(0)} → ${rssMb.end.toFixed(0)} MB` },
    { name: 'another machine’s ack p99, attacked − quiet', measured: difference, unit: 'ms', target: 25, note: `p50 ${percentile(acks.quiet, 50).toFixed(1)} → ${percentile(acks.attacked, 50).toFixed(1)}, p99 ${percentile(acks.quiet, 99).toFixed(1)} → ${percentile(acks.attacked, 99).toFixed(1)} ms` },
    { name: 'first ack of a fresh machine while one holds all it can', measured: Math.max(...fresh.whileHeld), unit: 'ms', target: FRESH_MS, note: `${fresh.whileHeld.map((ms) => ms.toFixed(0)).join(', ')} ms; nobody else there ${fresh.quiet.map((ms) => ms.toFixed(0)).join(', ')} ms` },
  ];
}
