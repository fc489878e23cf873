/** `tt tunnel`: how the tunnels are, and what a person may do about them. */
import { printAnswer, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { clockWords, plural, tunnelWords, UNKNOWN } from '../../shared/status-words.ts';
import type { TunnelRow } from '../control/control-methods.ts';
import { controlOf } from './own-collector.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;

export async function tunnelStatus(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [wanted] = parsed.args;
  const { tunnels } = await controlOf(io).call('tunnels.list', {});
  const chosen = wanted === undefined ? tunnels : [tunnelOf(tunnels, wanted)];
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, tunnels: chosen }, toText(chosen, io.clock.now()));
}

/** A person names it by label, or by the host they gave. Throws `tunnel_none`. */
function tunnelOf(tunnels: readonly TunnelRow[], name: string): TunnelRow {
  const found = tunnels.find(({ label, host }) => label === name || host === name);
  if (found) return found;
  throw new TtError('tunnel_none', `${JSON.stringify(name)} has no tunnel`, {
    hint: `\`tt tunnel\` lists them; to make one: tt tunnel add LABEL HOST`, exitCode: EXIT_CODES.usage,
  });
}

function toText(tunnels: readonly TunnelRow[], nowMs: number): string {
  if (tunnels.length === 0) return 'no tunnels; a machine that ssh reaches gets one by: tt deploy HOST, or: tt tunnel add LABEL HOST\n';
  const rows = tunnels.map(({ label, host, tunnel }) => [
    label, host ?? UNKNOWN, tunnel === null ? `${UNKNOWN} the collector is not running` : tunnelWords(tunnel),
    tunnel === null ? UNKNOWN : clockWords(tunnel.since, nowMs),
  ]);
  const notes = tunnels.flatMap(({ label, tunnel }) => notesOf(label, tunnel));
  return toTextTable([['MACHINE', 'HOST', 'TUNNEL', 'SINCE'], ...rows], new Set()) + notes.map((note) => `\n${note}\n`).join('');
}

function notesOf(label: string, tunnel: TunnelRow['tunnel']): string[] {
  if (tunnel === null) return [];
  const why = tunnel.state !== 'up' && tunnel.problem !== null ? [`${label}: ${tunnel.problem}\n  next: ${tunnel.hint ?? ''}`] : [];
  return tunnel.warning === null ? why : [...why, `${label}: ${tunnel.warning}`];
}

export async function restartTunnel(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [wanted] = parsed.args;
  const control = controlOf(io);
  const label = wanted === undefined ? null : tunnelOf((await control.call('tunnels.list', {})).tunnels, wanted).label;
  const { restarted } = await control.call('tunnels.restart', { label });
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, restarted }, `${plural(restarted, 'tunnel')} started anew; tt tunnel shows how it goes\n`);
}

export async function addTunnel(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = '', host = ''] = parsed.args;
  const control = controlOf(io);
  const { tunnels } = await control.call('tunnels.list', {});
  const row = await control.call('tunnels.set', { label, host });
  const before = tunnels.find((other) => other.host === host && other.label !== label);
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, ...row }, [
    `${label} has a tunnel by ${host} whenever the collector runs; tt tunnel shows how it goes\n`,
    ...(before ? [`${before.label}, which had it, has none now\n`] : []),
  ].join(''));
}

export async function removeTunnel(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const row = await controlOf(io).call('tunnels.set', { label, host: null });
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, ...row }, `${label} has no tunnel any more\n`);
}
