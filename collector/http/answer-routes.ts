/** The part of `/api/v1` that another thread answers: pages of events, and what the commands of the same names print as JSON. */
import { Hono, type Context } from 'hono';
import * as z from 'zod';
import type { ArchiveRow } from '../../shared/archive-document.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { MachineKnown } from '../../shared/machine-document.ts';
import { REPORT_GROUPS } from '../../shared/report-documents.ts';
import { ROLES } from '../../shared/search-document.ts';
import { SESSION_STATES } from '../../shared/session-documents.ts';
import { USAGE_GROUPS } from '../../shared/usage-documents.ts';
import type { Answers } from '../answers/answers.ts';
import { decodePlace, decodePosition } from '../answers/cursors.ts';
import type { Question } from '../answers/questions.ts';
import { dayOf, periodsOf, type NamedPeriod } from '../time/period.ts';
import { parseTimeZone } from '../zoned-days.ts';
import { badRequest, listParameter, machineIdsOf, parseQuery, timeParameter } from './query.ts';

export interface AnswerRoutesDeps {
  answers: Pick<Answers, 'ask'>;
  /** What is read out of session files: neither waits for the other. */
  fileAnswers: Pick<Answers, 'ask'>;
  /** Label or ID → machine ID; undefined: there is none. */
  machineId(name: string): string | undefined;
  /** What the running collector knows of it, by its ID or label. */
  machine(name: string): MachineKnown | undefined;
  archiveRow(machineId: string): Promise<ArchiveRow | undefined>;
  now(): number;
}

const count = (fallback: number, most: number) => z.coerce.number().int().min(1).max(most).default(fallback);
const cursor = z.string().max(400).optional();
const timezone = z.string().max(100).optional().transform((name, context) => {
  try {
    return parseTimeZone(name, 'timezone');
  } catch {
    context.addIssue('not a time zone; a name is e.g. Europe/Berlin');
    return z.NEVER;
  }
});
const isSet = z.literal('1').optional().transform((value) => value !== undefined);

/** Code of the error of a machine that is not there. */
export const NO_SUCH_MACHINE = 'no_such_machine';

const nothing = z.strictObject({});
const sessionsQuery = z.strictObject({
  machine: listParameter.optional(),
  project: z.string().max(4096).optional(),
  state: listParameter.pipe(z.array(z.enum(SESSION_STATES))).optional(),
  since: timeParameter.optional(),
  limit: count(50, 500),
  cursor,
});
const sessionQuery = z.strictObject({ turns: count(100, 1000), cursor, before: z.coerce.number().int().min(1).optional() });
const numbersQuery = z.strictObject({ timezone });
const usageQuery = z.strictObject({ by: z.enum(USAGE_GROUPS).default('day'), since: timeParameter.optional(), until: timeParameter.optional(), timezone });
const PERIODS = {
  day: { day: true }, 'last-day': { lastDay: true }, week: { week: true }, 'last-week': { lastWeek: true }, month: { month: true }, 'last-month': { lastMonth: true },
} as const;
const reportQuery = z.strictObject({
  by: z.enum(REPORT_GROUPS).default('stream'),
  period: z.enum(['day', 'last-day', 'week', 'last-week', 'month', 'last-month']).optional(),
  start: z.string().max(40).optional(),
  end: z.string().max(40).optional(),
  timezone,
});
const timelineQuery = z.strictObject({ date: z.string().max(40).default('today'), timezone });
const searchQuery = z.strictObject({
  query: z.string().max(1000),
  machine: listParameter.optional(),
  role: listParameter.pipe(z.array(z.enum(ROLES))).optional(),
  project: z.string().max(4096).optional(),
  since: timeParameter.optional(),
  limit: count(20, 1000),
});
const agent = z.string().max(200).optional();
const transcriptQuery = z.strictObject({ items: count(50, 200), cursor, before: z.coerce.number().int().min(1).optional(), entry: z.string().max(200).optional(), agent });
const transcriptItemQuery = z.strictObject({ agent });
const streamsQuery = z.strictObject({ all: isSet });
const eventsQuery = z.strictObject({
  machine: listParameter.optional(),
  type: listParameter.optional(),
  session: z.string().optional(),
  since: timeParameter.optional(),
  until: timeParameter.optional(),
  order: z.enum(['newest', 'oldest']).default('newest'),
  limit: count(100, 1000),
  cursor: z.string().max(100).optional(),
});

export function createAnswerRoutes(deps: AnswerRoutesDeps): Hono {
  const routes = new Hono();
  const answer = async (context: Context, question: Question, answers = deps.answers): Promise<Response> =>
    context.body(await answers.ask(question, context.req.raw.signal), 200, { 'content-type': 'application/json; charset=utf-8' });
  const parse = <T>(context: Context, schema: z.ZodType<T>): T => parseQuery(schema, context.req.query());

  routes.get('/waiting', (context) => {
    parse(context, nothing);
    return answer(context, { ask: 'waiting' });
  });
  routes.get('/working', (context) => {
    parse(context, nothing);
    return answer(context, { ask: 'working' });
  });
  routes.get('/numbers', (context) => answer(context, { ask: 'numbers', timezone: parse(context, numbersQuery).timezone }));
  routes.get('/sessions', (context) => answer(context, { ask: 'sessions', query: toSessionsQuery(parse(context, sessionsQuery), deps) }));
  const turnsOf = (context: Context): { turns: number; before: number | undefined } => {
    const { turns, cursor: place, before } = parse(context, sessionQuery);
    if (place !== undefined && before !== undefined) throw badRequest('cursor or before?', 'give one of the two');
    return { turns, before: place === undefined ? before : decodePlace(place).at };
  };
  routes.get('/sessions/:id', (context) => answer(context, { ask: 'session', name: context.req.param('id'), ...turnsOf(context) }));
  routes.get('/sessions/:id/turns', (context) => answer(context, { ask: 'turns', name: context.req.param('id'), ...turnsOf(context) }));
  routes.get('/machines/:name', (context) => {
    parse(context, nothing);
    return answer(context, { ask: 'machine', known: knownMachine(context.req.param('name'), deps) });
  });
  routes.get('/machines/:name/archive', async (context) => {
    parse(context, nothing);
    const { label, machine_id: machineId } = knownMachine(context.req.param('name'), deps);
    const row = await deps.archiveRow(machineId) ?? noMachine(label);
    return answer(context, { ask: 'archive', row }, deps.fileAnswers);
  });
  routes.get('/search', (context) => {
    const { query, machine, role, project, since, limit } = parse(context, searchQuery);
    return answer(context, { ask: 'search', request: { query, limit, machines: machineIdsOf(machine, deps), roles: role, project, sinceMs: since } }, deps.fileAnswers);
  });
  routes.get('/sessions/:id/transcript', (context) => {
    const { items, cursor: place, before, agent, entry } = parse(context, transcriptQuery);
    if ([place, before, entry].filter((each) => each !== undefined).length > 1) throw badRequest('cursor, before or entry?', 'give one of them');
    return answer(context, {
      ask: 'transcript', name: context.req.param('id'), agentId: agent ?? null, items, uuid: entry,
      before: (place === undefined ? before : decodePlace(place).at) ?? Infinity,
    }, deps.fileAnswers);
  });
  routes.get('/sessions/:id/transcript/:number', (context) => {
    const { agent } = parse(context, transcriptItemQuery);
    const number = Number(/^[1-9]\d{0,8}$/.exec(context.req.param('number'))?.[0] ?? noNumber());
    return answer(context, { ask: 'transcript-item', name: context.req.param('id'), agentId: agent ?? null, number }, deps.fileAnswers);
  });
  routes.get('/usage', (context) => {
    const { by, since, until, timezone: zone } = parse(context, usageQuery);
    return answer(context, { ask: 'usage', query: { by, timezone: zone, sinceMs: since, untilMs: until } });
  });
  routes.get('/report', (context) => {
    const query = parse(context, reportQuery);
    return answer(context, { ask: 'report', by: query.by, timezone: query.timezone, period: periodOf(query, deps.now()) });
  });
  routes.get('/timeline', (context) => {
    const { date, timezone: zone } = parse(context, timelineQuery);
    return answer(context, { ask: 'timeline', period: dayOf(date, deps.now(), zone), timezone: zone });
  });
  routes.get('/events', (context) => answer(context, { ask: 'events', query: toEventsQuery(parse(context, eventsQuery), deps) }));
  routes.get('/streams', (context) => answer(context, { ask: 'streams', isAll: parse(context, streamsQuery).all }));
  return routes;
}

function knownMachine(name: string, { machine }: AnswerRoutesDeps): MachineKnown {
  const known = machine(name);
  return known ?? noMachine(name);
}

function noMachine(name: string): never {
  throw new TtError(NO_SUCH_MACHINE, `no machine is called ${JSON.stringify(name)}`, { hint: '`tt machines` lists them', exitCode: EXIT_CODES.usage });
}

function noNumber(): never {
  throw badRequest('items have numbers, from 1', '/transcript tells them');
}

function toSessionsQuery(query: z.infer<typeof sessionsQuery>, deps: AnswerRoutesDeps): Extract<Question, { ask: 'sessions' }>['query'] {
  const machineIds = machineIdsOf(query.machine, deps);
  const place = query.cursor === undefined ? undefined : decodePlace(query.cursor);
  return {
    limit: query.limit,
    ...(machineIds && { machineIds }),
    ...(query.project !== undefined && { project: query.project }),
    ...(query.state && { states: query.state }),
    ...(query.since !== undefined && { sinceMs: query.since }),
    ...(place && { after: { lastOfAllMs: place.at, sessionId: place.id } }),
  };
}

function toEventsQuery({ order, limit, cursor: place, ...query }: z.infer<typeof eventsQuery>, deps: AnswerRoutesDeps): Extract<Question, { ask: 'events' }>['query'] {
  const machineIds = machineIdsOf(query.machine, deps);
  return {
    order, limit, after: place === undefined ? undefined : decodePosition(place),
    filter: {
      ...(machineIds && { machineIds }),
      ...(query.type && { types: query.type }),
      ...(query.session !== undefined && { sessionId: query.session }),
      ...(query.since !== undefined && { sinceMs: query.since }),
      ...(query.until !== undefined && { untilMs: query.until }),
    },
  };
}

function periodOf({ period, start, end, timezone: zone }: z.infer<typeof reportQuery>, nowMs: number): NamedPeriod {
  if (period !== undefined && start !== undefined) throw badRequest('period or start?', 'give one of the two');
  const [only] = periodsOf({ start, end, ...(period === undefined ? {} : PERIODS[period]) }, nowMs, zone);
  if (only === undefined) throw badRequest('no period', 'docs/api.md says what can be asked');
  return only;
}
