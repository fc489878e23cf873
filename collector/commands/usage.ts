/** `tt usage`: tokens and cost, from the database alone. */
import { flag, textOption, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import type { Spent } from '../../shared/session-documents.ts';
import { countWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { USAGE_GROUPS, type UsageDocument, type UsageGroup } from '../../shared/usage-documents.ts';
import { costWords, dollarWords, tokensWords } from '../../shared/usage-words.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { openReader } from '../store/database.ts';
import { openUsageReader } from '../store/read-usage.ts';
import { openPrices } from '../usage/prices.ts';
import { usageReport, type UsageQuery } from '../usage/usage-report.ts';
import { parseTimeZone, startOfDate } from '../zoned-days.ts';
import { fitOf, projectWords } from './sessions.ts';
import { toTextTable } from './text-table.ts';
import { parseTimeArgument } from './time-argument.ts';

export async function usage(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const labels = new Map(openMachineRegistry(paths.machinesFile).list().map(({ machineId, label }) => [String(machineId), label]));
  const prices = openPrices(loadConfig(paths.configFile, io.environment).prices);
  const query = toQuery(parsed, io.clock.now());
  const database = openReader(paths.database);
  try {
    const document = usageReport(query, { reader: openUsageReader(database), prices, labelOf: (machineId) => labels.get(machineId) ?? machineId });
    io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : toText(document, io));
  } finally {
    database.close();
  }
  return EXIT_CODES.ok;
}

function toQuery(parsed: ParsedCommand, nowMs: number): UsageQuery {
  const timezone = parseTimeZone(textOption(parsed, 'timezone'));
  const time = (name: 'since' | 'until'): number | undefined => {
    const text = textOption(parsed, name);
    // A date is a day of the zone that was asked for, not of this computer.
    return text === undefined ? undefined : (startOfDate(text.trim(), timezone) ?? parseTimeArgument(text, nowMs, `--${name}`));
  };
  return { by: groupOf(textOption(parsed, 'by')), timezone, sinceMs: time('since'), untilMs: time('until') };
}

function groupOf(word: string | undefined): UsageGroup {
  return USAGE_GROUPS.find((group) => group === word) ?? 'day';
}

const NUMBERS = new Set([1, 2, 3, 4, 5, 6]);
const NO_KEY: Readonly<Record<UsageGroup, string>> = {
  day: UNKNOWN, machine: UNKNOWN, project: '(no directory)', model: '(no model)', session: UNKNOWN, stream: '(unassigned)',
};

function toText(document: UsageDocument, io: CommandIo): string {
  if (document.rows.length === 0) return 'no usage\n';
  const heading = [document.by.toUpperCase(), 'RESPONSES', 'INPUT', 'OUTPUT', 'CACHE WRITE', 'CACHE READ', 'COST'];
  const fit = fitOf(io, [0]);
  const rows = document.rows.map((row) => toRow(keyWords(row.key, document.by, io.home), row));
  const table = toTextTable([heading, ...rows, toRow('total', document.total)], NUMBERS, fit && { ...fit, tails: document.by === 'project' ? new Set([0]) : new Set() });
  return `${table}\n${notesOf(document).map((note) => `${note}\n`).join('')}`;
}

function toRow(key: string, spent: Spent): string[] {
  const { input, output, cache_creation, cache_read } = spent.tokens;
  const bound = spent.lower_bound_responses > 0 ? '≥ ' : '';
  return [key, countWords(spent.responses), tokensWords(input), `${bound}${tokensWords(output)}`, tokensWords(cache_creation), tokensWords(cache_read), costWords(spent)];
}

function keyWords(key: string | null, by: UsageGroup, home: string): string {
  if (key === null) return NO_KEY[by];
  return by === 'project' ? projectWords(key, home) : key;
}

/** What a reader must know before believing the figures. */
function notesOf({ total, unpriced_models, prices }: UsageDocument): string[] {
  const unpriced = unpriced_models.map(({ model, responses }) => `${model ?? 'no name'} (${plural(responses, 'response')})`).join(', ');
  return [
    ...(total.lower_bound_responses > 0 ? [`≥: the logs never told the final output of ${plural(total.lower_bound_responses, 'response')}; it was at least this`] : []),
    ...(unpriced_models.length > 0 ? [`not in the cost, for want of a price: ${unpriced}; set one in config.toml (USD per million tokens): prices.MODEL = { input = 3, output = 15 }`] : []),
    `prices of ${prices.as_of}, at list price: ${total.cost_usd === null ? UNKNOWN : dollarWords(total.cost_usd)} is what the tokens would cost through the API, whatever a subscription pays`,
  ];
}
