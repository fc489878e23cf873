// What `npm start` runs once everything is built.
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../shared/clock.ts';
import { reportError } from '../shared/cli.ts';
import { EXIT_CODES } from '../shared/errors.ts';
import { listenForSignals } from '../shared/lifecycle.ts';
import { launch } from './start/launch.ts';

const USAGE = `npm start [-- --logs]

Runs this machine's collector and agent until Ctrl-C.
  --logs   also print what the two programs log
`;

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== '--logs');
  if (unknown !== undefined) {
    const isHelp = unknown === '--help' || unknown === '-h';
    (isHelp ? process.stdout : process.stderr).write(isHelp ? USAGE : `unknown argument ${unknown}\n${USAGE}`);
    return isHelp ? EXIT_CODES.ok : EXIT_CODES.usage;
  }
  using signals = listenForSignals();
  // What was printed to may be gone first (a closed terminal, `| tee`): both programs are still to be stopped in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  // A closed terminal asks for the same as Ctrl-C.
  process.on('SIGHUP', () => {
    // Once, although it comes twice: from the shell, and from the system when the shell ends.
    if (!signals.stop.aborted) process.emit('SIGTERM', 'SIGTERM');
  });
  // The bundle lies beside the programs it starts.
  const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  try {
    return await launch({
      programs: { collector: beside('tt.mjs'), agent: beside('tt-agent.mjs') },
      environment: process.env,
      home: homedir(),
      clock: systemClock,
      stop: signals.stop,
      abandon: signals.abandon,
      print: (text) => process.stdout.write(text),
      showLogs: args.includes('--logs'),
    });
  } catch (error) {
    return reportError(error, 'npm start', { stderr: { write: (text) => process.stderr.write(text), isTTY: false, columns: 80 }, environment: process.env });
  }
}

process.exitCode = await main(process.argv.slice(2));
