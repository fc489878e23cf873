/**
 * What a doctor says: checks with a verdict each, and what to do. A check is a pure
 * function over facts; who reads the facts changes nothing. The thresholds of every
 * check stand in docs/doctor.md.
 */
import * as z from 'zod';
import { EXIT_CODES, messageOf, TtError, type ExitCode } from '../errors.ts';
import { toPlainText } from '../plain-text.ts';
import { probeLines, probeSchema, type Probe } from '../probe.ts';
import { plural } from '../status-words.ts';

export const DOCTOR_SCHEMA = 1;
export const CHECK_STATES = ['ok', 'warn', 'fail'] as const;
export type CheckState = (typeof CHECK_STATES)[number];

export const checkSchema = z.object({
  /** One of the IDs in docs/doctor.md; stable. */
  id: z.string(),
  state: z.enum(CHECK_STATES),
  /** Label of the machine that it is about; null: of the program that was asked. */
  machine: z.string().nullable(),
  summary: z.string(),
  /** What to do; null where nothing is. */
  fix: z.string().nullable(),
});
export type Check = z.infer<typeof checkSchema>;

/** `tt doctor --json` and `tt-agent doctor --json`. */
export const doctorSchema = z.object({
  schema: z.literal(DOCTOR_SCHEMA),
  role: z.enum(['agent', 'collector']),
  version: z.string(),
  /** The worst of the checks. */
  state: z.enum(CHECK_STATES),
  checks: z.array(checkSchema),
  /** With `--probe`. */
  probes: z.array(probeSchema),
});
export type DoctorDocument = z.infer<typeof doctorSchema>;

export function ok(id: string, summary: string, machine: string | null = null): Check {
  return { id, state: 'ok', machine, summary, fix: null };
}

export function warn(id: string, summary: string, fix: string, machine: string | null = null): Check {
  return { id, state: 'warn', machine, summary, fix };
}

export function fail(id: string, summary: string, fix: string, machine: string | null = null): Check {
  return { id, state: 'fail', machine, summary, fix };
}

const UNFORESEEN = 'report it, with what this command prints';

/** A check that can not look is a finding too: the others go on. */
export async function guarded(id: string, check: () => Check[] | Promise<Check[]>, otherwise = UNFORESEEN): Promise<Check[]> {
  try {
    return await check();
  } catch (error) {
    const hint = error instanceof TtError ? error.hint : otherwise;
    return [fail(id, messageOf(error), hint)];
  }
}

export function toDoctorDocument(
  { role, version, checks, probes }: Pick<DoctorDocument, 'role' | 'version' | 'checks'> & { probes: readonly Probe[] },
): DoctorDocument {
  const states = [...checks.map(({ state }) => state), ...probes.map(({ complete }): CheckState => (complete ? 'ok' : 'fail'))];
  const state = CHECK_STATES.findLast((worst) => states.includes(worst)) ?? 'ok';
  return { schema: DOCTOR_SCHEMA, role, version, state, checks: [...checks], probes: [...probes] };
}

/** Warnings alone are no failure. */
export function exitCodeOf({ state }: Pick<DoctorDocument, 'state'>): ExitCode {
  return state === 'fail' ? EXIT_CODES.unhealthy : EXIT_CODES.ok;
}

const MARKS: Readonly<Record<CheckState, string>> = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' };

/** What is wrong first. */
export function doctorText({ checks, probes }: Pick<DoctorDocument, 'checks' | 'probes'>, title: string): string {
  const lines = (['fail', 'warn', 'ok'] as const).flatMap((state) => checks.filter((check) => check.state === state).flatMap(checkLines));
  const count = (state: CheckState): number => checks.filter((check) => check.state === state).length;
  const verdict = count('fail') + count('warn') === 0
    ? `${title}: all ${checks.length} checks are ok`
    : `${title}: ${plural(count('fail'), 'failure')}, ${plural(count('warn'), 'warning')}, ${count('ok')} ok`;
  return [...lines, ...(checks.length === 0 ? [] : [verdict]), ...probes.flatMap(probeLines)].map((line) => `${toPlainText(line)}\n`).join('');
}

function checkLines({ id, state, machine, summary, fix }: Check): string[] {
  const subject = machine === null ? id : `${id} (${machine})`;
  return [`${MARKS[state]}  ${subject}: ${summary}`, ...(fix === null ? [] : [`      → ${fix}`])];
}
