/** Entry of `tt`. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { outputFailed, runProgram, toOutput, type CommandIo } from '../shared/cli.ts';
import { systemClock } from '../shared/clock.ts';
import { EXIT_CODES, type ExitCode } from '../shared/errors.ts';
import { leaveAfter, listenForSignals } from '../shared/lifecycle.ts';
import { VERSION } from '../shared/version.ts';
import { toCommandLine } from './commands/context-flags.ts';
import { COMMANDS, GROUPS, HANDED_ON } from './commands/table.ts';

/** Beside this program in the package; there is none when it runs from source. */
const agentProgram = new URL('./tt-agent.mjs', import.meta.url);

/** This process becomes the agent's: its signals, terminal and exit code are its own. */
async function becomeAgent(argv: readonly string[]): Promise<ExitCode | undefined> {
  if (!HANDED_ON.includes(argv[0] ?? '') || !existsSync(agentProgram)) return undefined;
  signals[Symbol.dispose]();
  process.argv = [process.execPath, fileURLToPath(agentProgram), ...argv];
  await import(agentProgram.href);
  return Object.values(EXIT_CODES).find((code) => code === process.exitCode) ?? EXIT_CODES.ok;
}

process.stdout.on('error', (error) => process.exit(outputFailed(error, 'tt', io)));
// Nobody reads the log any more (`2>&1 | tee` ends first at Ctrl-C): no reason to leave agents in mid-sentence.
process.stderr.on('error', () => {});

const signals = listenForSignals();
leaveAfter(signals.abandon, { clock: systemClock, exit: (code) => process.exit(code) });
const io: CommandIo = {
  stdin: process.stdin,
  stdout: toOutput(process.stdout),
  stderr: toOutput(process.stderr),
  environment: process.env,
  home: homedir(),
  clock: systemClock,
  program: { node: process.execPath, file: process.argv[1] ?? '', nodeVersion: process.versions.node },
  stop: signals.stop,
  abandon: signals.abandon,
};
process.exitCode = await runProgram(
  {
    name: 'tt',
    summary: 'What your AI coding sessions and you did, on every machine you work on',
    version: VERSION,
    commands: COMMANDS,
    groups: GROUPS,
    epilogue: `This machine's agent (tt-agent --help): ${HANDED_ON.join(', ')}`,
    fallback: becomeAgent,
  },
  toCommandLine(process.argv.slice(2)),
  io,
);
if (signals.abandon.aborted) process.exit();
signals[Symbol.dispose]();
