/** What `install`, `uninstall` and `logs` do. */
import { userInfo, platform } from 'node:os';
import { join } from 'node:path';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../cli.ts';
import type { ServiceFacts } from '../doctor/service-kept.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../errors.ts';
import { resolvePaths } from '../paths.ts';
import { chooseKeeper, programRunner, showProgram, type Keepers } from './keeper.ts';
import { serviceEnvironment, type ServiceKeeper, type ServiceProgram, type ServiceSpec } from './service.ts';

const SCHEMA = 1;

function keepersOf(program: ServiceProgram, io: CommandIo): Promise<Keepers> {
  const paths = resolvePaths(io.environment, io.home);
  const { uid, username: user } = userInfo();
  const spec: ServiceSpec = {
    name: program.name,
    command: [io.program.node, io.program.file, ...program.arguments],
    environment: serviceEnvironment(io.environment),
    logFile: join(paths.logDir, program.logName),
    finalStatus: program.finalStatus,
  };
  return chooseKeeper(spec, { platform: platform(), environment: io.environment, home: io.home, user, uid, paths, run: programRunner(io.environment) });
}

/** Read only. */
export async function readService(program: ServiceProgram, io: CommandIo): Promise<ServiceFacts> {
  const { chosen: keeper } = await keepersOf(program, io);
  const { installed, running } = await keeper.state();
  const lingers = installed ? ((await keeper.lingers?.()) ?? null) : null;
  return { name: program.name, kind: keeper.kind, installed, running, lingers, user: userInfo().username, install: `${program.words} install` };
}

export async function install(program: ServiceProgram, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (io.program.file.endsWith('.ts')) {
    throw new TtError('not_built', `${io.program.file} is no built program`, { hint: 'build it (npm run build) and install by dist/' });
  }
  program.check(io);
  const { chosen: keeper, others } = await keepersOf(program, io);
  // Two would start it against each other. One of systemd that does not answer can not be told.
  for (const other of others) if (other.kind === 'background') await other.uninstall();
  const { notes } = await keeper.install();
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: SCHEMA, service: program.name, kind: keeper.kind, notes })}\n`
    : [`${program.name} is kept running by ${KIND_WORDS[keeper.kind]}; its log: ${program.words} logs`, ...notes, ''].join('\n'));
  return EXIT_CODES.ok;
}

const KIND_WORDS: Readonly<Record<ServiceKeeper['kind'], string>> = {
  systemd: 'systemd', launchd: 'launchd', background: 'a keeper in the background (there is no systemd of yours here)',
};

export async function uninstall(program: ServiceProgram, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { chosen, others } = await keepersOf(program, io);
  let kind = chosen.kind;
  let removed = false;
  for (const keeper of [chosen, ...others]) {
    if (!(await keeper.uninstall())) continue;
    kind = keeper.kind;
    removed = true;
  }
  const text = removed ? `${program.name} is stopped and no longer kept running; its data stays\n` : `${program.name} was not installed\n`;
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: SCHEMA, service: program.name, kind, removed })}\n` : text);
  return EXIT_CODES.ok;
}

export async function logs(program: ServiceProgram, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const lines = textOption(parsed, 'lines') ?? '100';
  if (!/^\d{1,6}$/.test(lines)) throw usageError(`--lines: ${JSON.stringify(lines)} is not a number`, 'give a whole number, e.g. --lines 20');
  const { chosen: keeper } = await keepersOf(program, io);
  if (!(await keeper.state()).installed) {
    throw new TtError('service_missing', `${program.name} is not installed as a service`, { hint: `install it: ${program.words} install; run by hand it logs to its terminal` });
  }
  const code = await showProgram(keeper.logs({ lines: Number(lines), follow: flag(parsed, 'follow') }), io.stdout, io.stop);
  return code === 0 || io.stop.aborted ? EXIT_CODES.ok : EXIT_CODES.failed;
}
