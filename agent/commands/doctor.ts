/** `tt-agent doctor`: what is wrong on this machine, and what to do about it. */
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { doctorText, exitCodeOf, fail, toDoctorDocument, type Check } from '../../shared/doctor/check.ts';
import { TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { probeSchema, timeProbe, type Probe } from '../../shared/probe.ts';
import { readService } from '../../shared/service/actions.ts';
import { programRunner } from '../../shared/service/keeper.ts';
import type { ServiceProgram } from '../../shared/service/service.ts';
import { VERSION } from '../../shared/version.ts';
import { unknownStatus } from '../agent-status.ts';
import { askAgent } from '../control-client.ts';
import { examineMachine } from '../doctor/doctor.ts';
import { readAgentStatus } from './status.ts';

export async function doctor(parsed: ParsedCommand, io: CommandIo, service: ServiceProgram): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const isProbe = flag(parsed, 'probe');
  const checks = isProbe ? [] : await examine(paths, io, service);
  const probes = isProbe ? [await probe(paths, io)] : [];
  const document = toDoctorDocument({ role: 'agent', version: VERSION, checks, probes });
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : doctorText(document, 'This machine'));
  return exitCodeOf(document);
}

async function examine(paths: Paths, io: CommandIo, service: ServiceProgram): Promise<Check[]> {
  const facts = { io, nodeVersion: io.program.nodeVersion, run: programRunner(io.environment), service: () => readService(service, io) };
  try {
    return await examineMachine({ ...facts, status: await readAgentStatus(paths, io.clock) });
  } catch (error) {
    // It runs, and is another version; or nothing is known, not even whose it is, which another check says.
    const skew = error instanceof TtError && error.code === 'version_skew' ? fail('agent', error.message, error.hint) : undefined;
    return await examineMachine({ ...facts, status: unknownStatus(undefined, null), skew });
  }
}

async function probe({ agentSocket }: Paths, { clock }: CommandIo): Promise<Probe> {
  const sent = await askAgent(agentSocket, clock, { method: 'POST', path: '/probe', body: {} }, (body) => probeSchema.parse(body));
  return sent ?? timeProbe({ id: '', machine: null, hops: [], goal: 'back', problem: 'the agent does not run: tt-agent install, or tt-agent run' });
}
