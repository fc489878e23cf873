/** Entry of `tt-agent`. */
import { homedir } from 'node:os';
import { outputFailed, runProgram, toOutput, type CommandIo } from '../shared/cli.ts';
import { systemClock } from '../shared/clock.ts';
import { leaveAfter, listenForSignals } from '../shared/lifecycle.ts';
import { VERSION } from '../shared/version.ts';
import { AGENT_GROUPS, agentCommands } from './commands/table.ts';
import { createProcesses } from './processes.ts';

process.stdout.on('error', (error) => process.exit(outputFailed(error, 'tt-agent', io)));
// Nobody reads the log any more (`2>&1 | tee` ends first at Ctrl-C): what was sent is still to be acknowledged.
process.stderr.on('error', () => {});

const signals = listenForSignals();
leaveAfter(signals.abandon, { clock: systemClock, exit: (code) => process.exit(code) });
const io: CommandIo = {
  stdin: process.stdin,
  stdout: toOutput(process.stdout),
  stderr: toOutput(process.stderr),
  bytes: process.stdout,
  environment: process.env,
  home: homedir(),
  clock: systemClock,
  program: { node: process.execPath, file: process.argv[1] ?? '', nodeVersion: process.versions.node },
  stop: signals.stop,
  abandon: signals.abandon,
};
const processes = () => createProcesses({ pid: process.pid, probe: (pid) => process.kill(pid, 0) });
process.exitCode = await runProgram(
  {
    name: 'tt-agent',
    summary: 'Sends what happens on this machine to its collector',
    version: VERSION,
    groups: AGENT_GROUPS,
    commands: agentCommands(processes),
  },
  process.argv.slice(2),
  io,
);
if (signals.abandon.aborted) process.exit();
signals[Symbol.dispose]();
