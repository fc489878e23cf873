/** Entry of `tt-agent`. */
import { homedir } from 'node:os';
import { runProgram, type CommandIo, type Output } from '../shared/cli.ts';
import { systemClock } from '../shared/clock.ts';
import { EXIT_CODES } from '../shared/errors.ts';
import { listenForSignals } from '../shared/lifecycle.ts';
import { VERSION } from '../shared/version.ts';
import { agentCommands } from './commands/table.ts';
import { createProcesses } from './processes.ts';

function toOutput(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY,
    columns: stream.columns || 80,
  };
}

// A reader that went away (`tt-agent export | head`) is no failure of ours.
process.stdout.on('error', () => process.exit(EXIT_CODES.ok));

const signals = listenForSignals();
const io: CommandIo = {
  stdin: process.stdin,
  stdout: toOutput(process.stdout),
  stderr: toOutput(process.stderr),
  environment: process.env,
  home: homedir(),
  clock: systemClock,
  stop: signals.stop,
  abandon: signals.abandon,
};
const processes = () => createProcesses({ pid: process.pid, probe: (pid) => process.kill(pid, 0) });
process.exitCode = await runProgram(
  {
    name: 'tt-agent',
    summary: 'Sends what happens on this machine to its collector',
    version: VERSION,
    commands: agentCommands(processes),
  },
  process.argv.slice(2),
  io,
);
if (signals.abandon.aborted) process.exit();
signals[Symbol.dispose]();
