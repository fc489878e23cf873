/** A working day of one person on four machines, made up. */
import type { MachineId } from '../../shared/ids.ts';
import type { TtEvent } from '../../shared/event.ts';
import type { PageFixture } from '../support/page-fixture.ts';
import { playSession } from '../support/page-sessions.ts';
import { genOf, testEvent } from '../support/store-fixture.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';

const MINUTE = 60_000;

interface Shape {
  machine: string;
  project: string;
  title: string;
  stream: string;
  /** Minutes ago of each thing that was asked, and for how many minutes work went on after it. */
  turns: readonly (readonly [ago: number, minutes: number, asked: string, said: string])[];
  end: 'gone' | 'busy' | 'permission' | 'question' | 'idle';
}

const SESSIONS: readonly Shape[] = [
  { machine: 'devbox', project: 'payments', title: 'Refunds in the ledger', stream: 'Payments', end: 'gone', turns: [
    [412, 22, 'Where are refunds booked?', 'In three places. I would keep one.'], [371, 34, 'Do that, with tests.', 'Done: 14 tests, all pass.'], [322, 9, 'And the docs.', 'The docs say so now.']] },
  { machine: 'gpu-box', project: 'ranker', title: 'Train on the new labels', stream: 'Ranking', end: 'busy', turns: [
    [398, 95, 'Prepare the new labels.', '2 % were contradictory; they are out.'], [290, 120, 'Train, and compare.', 'Better by 3 points.'], [96, 96, 'Sweep the learning rate.', 'Run 7 of 12.']] },
  { machine: 'devbox', project: 'payments', title: 'Flaky upload test', stream: 'Payments', end: 'permission', turns: [
    [188, 26, 'Why does it fail now and then?', 'Two workers share one directory.'], [61, 54, 'Give each its own.', 'May I run the whole suite?']] },
  { machine: 'laptop', project: 'notes', title: 'Talk for Thursday', stream: 'Talk', end: 'gone', turns: [
    [301, 8, 'An outline, please.', 'Five parts, twenty minutes.'], [270, 12, 'Shorter.', 'Four parts.']] },
  { machine: 'build-01', project: 'deploy-scripts', title: 'Roll back when a health check fails', stream: 'Operations', end: 'question', turns: [
    [233, 41, 'Roll back by itself.', 'It does, in staging.'], [122, 35, 'Now production.', 'Shall it page somebody too?']] },
  { machine: 'laptop', project: 'payments', title: 'Review of the ledger change', stream: 'Payments', end: 'idle', turns: [[47, 14, 'Review this.', 'Two remarks; neither is urgent.']] },
  { machine: 'devbox', project: 'payments', title: 'Export for the auditors', stream: 'Payments', end: 'busy', turns: [[18, 18, 'One row per booking, as CSV.', 'The columns are as they asked.']] },
];

const TOOLS = ['Bash', 'Edit', 'Read', 'Grep', 'Write'];

export interface Day {
  machines: ReadonlyMap<string, MachineId>;
  /** Directory → the stream that it belongs to. */
  streams: ReadonlyMap<string, string>;
}

const HOUR = 60 * MINUTE;

/** When each was connected: a night in which the laptop slept, and a machine that was away at noon. */
export function connectionsOf(machines: ReadonlyMap<string, MachineId>, nowMs: number): object {
  const running = [[nowMs - 24 * HOUR, nowMs - 17 * HOUR], [nowMs - 8 * HOUR, nowMs]];
  const devbox = [[nowMs - 24 * HOUR, nowMs - 17 * HOUR], [nowMs - 8 * HOUR, nowMs - 3.6 * HOUR], [nowMs - 3.1 * HOUR, nowMs]];
  return { version: 1, running, machines: { [machines.get('devbox') ?? '']: devbox } };
}

export async function liveDay(fixture: PageFixture, nowMs: number): Promise<Day> {
  const random = seededRandom(20);
  const machines = new Map<string, MachineId>();
  for (const label of ['laptop', 'devbox', 'gpu-box', 'build-01']) machines.set(label, await fixture.enrol(label));
  const streams = new Map<string, string>();
  for (const [index, shape] of SESSIONS.entries()) {
    const machineId = machines.get(shape.machine);
    if (machineId === undefined) continue;
    const id = random.uuid();
    streams.set(`/home/me/src/${shape.project}`, shape.stream);
    await fixture.commit(machineId, sessionOf(shape, { machineId, id, gen: index + 1, nowMs, random }), attentionOf(shape, { machineId, gen: 100 + index, nowMs }));
  }
  return { machines, streams };
}

interface Played {
  machineId: MachineId;
  id: string;
  gen: number;
  nowMs: number;
  random: SeededRandom;
}

function sessionOf({ title, project, turns, end }: Shape, { machineId, id, gen, nowMs, random }: Played) {
  const session = playSession({ machineId, id, title, cwd: `/home/me/src/${project}` }, gen, nowMs);
  const events: TtEvent[] = [];
  for (const [ago, minutes, asked, said] of turns) {
    const isLast = ago === turns.at(-1)?.[0];
    events.push(session.status(ago * MINUTE, 'busy'), session.prompt(ago * MINUTE, asked));
    for (let at = ago - 1; at > Math.max(0.2, ago - minutes); at -= random.between(1, 4)) events.push(session.uses(at * MINUTE, random.pick(TOOLS)));
    const isAtWork = isLast && end === 'busy';
    const doneMs = isAtWork ? 2 * MINUTE : (ago - minutes) * MINUTE;
    events.push(session.said(doneMs, said));
    if (isAtWork) events.push(session.uses(MINUTE / 10, random.pick(TOOLS)), session.status(MINUTE / 10, 'busy'));
    if (isAtWork) continue;
    if (!isLast || end === 'gone' || end === 'idle') events.push(session.ended(doneMs), session.status(doneMs, 'idle'));
    if (isLast && end === 'permission') events.push(session.uses(doneMs, 'Bash'), session.status(doneMs, 'waiting', 'permission prompt'));
    if (isLast && end === 'question') events.push(session.status(doneMs, 'waiting', 'input needed'));
    if (isLast && end === 'gone') events.push(session.status(doneMs - MINUTE, 'gone'));
  }
  return session.titled(events);
}

/** Somebody looks at it for a few minutes around each thing that was asked. */
function attentionOf({ project, turns }: Shape, { machineId, gen, nowMs }: Omit<Played, 'id' | 'random'>) {
  const events = turns.flatMap(([ago], turn) => [3, 1, 0, -2].flatMap((before, step) => (ago + before <= 0 ? [] : [testEvent(
    { machineId, source: 'remote.tmux', type: 'tmux_pane_focus', discriminator: `%${gen}-${turn}-${step}`, at: nowMs - (ago + before) * MINUTE },
    { pane_id: `%${gen}`, tmux_session: 'work', cwd: `/home/me/src/${project}` },
  )])));
  return { gen: genOf(gen), from: 0, to: 100, tail: 'x', events };
}
