/** The command that tells where the time went. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';
import { REPORT_GROUPS } from '../../shared/report-documents.ts';

export const TIME_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'report',
    summary: 'Where the time went: yours, and that of agents; this week unless a period is given',
    example: 'tt report --last-week --by project',
    options: [
      { flags: '--day', description: 'today' },
      { flags: '--last-day', description: 'yesterday' },
      { flags: '--week', description: 'this week, from Monday' },
      { flags: '--last-week', description: 'the week before' },
      { flags: '--weeks <n>', description: 'this week and those before it, each for itself' },
      { flags: '--month', description: 'this month' },
      { flags: '--last-month', description: 'the month before' },
      { flags: '--start <date>', description: 'from this day on, e.g. 2026-01-31' },
      { flags: '--end <date>', description: 'before this day; tomorrow if left out' },
      { flags: '--by <what>', description: 'one row each', choices: REPORT_GROUPS, default: 'stream' },
      { flags: '--timezone <zone>', description: 'whose days these are, e.g. Europe/Berlin; of this computer if left out' },
      { flags: '--explain', description: 'the intervals that the figures are made of, each with the event it begins with' },
      { flags: '--only <row>', description: 'with --explain: of this row (its name or ID; none: of what belongs to no row)' },
      { flags: '--strict', description: 'exit 4 when the period is not complete' },
      JSON_OPTION,
    ],
    load: async () => (await import('./report.ts')).report,
  },
];
