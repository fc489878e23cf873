/**
 * The command line of both programs, from a table. The only importer of
 * commander; a command is a plain object and never touches `process`.
 */
import type { Readable, Writable } from 'node:stream';
import { Argument, Command, CommanderError, Option } from 'commander';
import { nextTurn, type Clock } from './clock.ts';
import { EXIT_CODES, messageOf, systemCode, TtError, type ExitCode } from './errors.ts';
import { toPlainLines } from './plain-text.ts';
import type { Environment } from './paths.ts';

export interface Output {
  write(text: string): void;
  /** Resolves when more can be taken, and no sooner than everybody else had a turn. For whoever writes without an end in sight. */
  room?(): Promise<void>;
  isTTY: boolean;
  columns: number;
}

/** A terminal, pipe or file as commands see it. */
export function toOutput(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => {
      stream.write(text);
    },
    room: () => roomIn(stream),
    isTTY: stream.isTTY,
    columns: stream.columns || 80,
  };
}

function roomIn(stream: Writable): Promise<void> {
  if (!stream.writableNeedDrain) return nextTurn();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/** Everything a command may touch of the world outside its arguments. */
export interface CommandIo {
  stdin: Readable;
  stdout: Output;
  stderr: Output;
  /** stdout for bytes; only where a command talks to a program by it. */
  bytes?: Writable;
  environment: Environment;
  home: string;
  clock: Clock;
  /** The program itself, for whoever starts it again: Node and the file it runs. */
  program: { node: string; file: string; nodeVersion?: string };
  /** Aborts at the first SIGINT or SIGTERM; `abandon` at the second. */
  stop: AbortSignal;
  abandon: AbortSignal;
}

export interface OptionSpec {
  /** Commander's form: `-n, --limit <n>`, `--json`. */
  flags: string;
  description: string;
  choices?: readonly string[];
  default?: string;
  /** May be given more than once; arrives as a list. */
  repeatable?: boolean;
  required?: boolean;
}

export interface ParsedCommand {
  args: string[];
  /** By camel-cased long name, as commander gives them: text, true, or a list where repeatable. */
  options: Readonly<Record<string, unknown>>;
}

export interface CommandSpec {
  /** Words, e.g. `machines add`. */
  name: string;
  summary: string;
  /** One example line, shown in the help. */
  example?: string;
  /** Commander's form: `<url>`, `[file]`, `[host...]`. */
  arguments?: readonly { syntax: string; description: string; choices?: readonly string[] }[];
  options?: readonly OptionSpec[];
  /** Loads the command's module only when it is called. */
  load(): Promise<(parsed: ParsedCommand, io: CommandIo) => Promise<ExitCode>>;
}

export interface ProgramSpec {
  name: string;
  summary: string;
  version: string;
  commands: readonly CommandSpec[];
  /** What a word means that only groups commands, e.g. `collector`. */
  groups?: Readonly<Record<string, string>>;
  /** Below the list of commands. */
  epilogue?: string;
  /** Called for a first word that is no command; returns undefined to refuse it. */
  fallback?(argv: readonly string[], io: CommandIo): Promise<ExitCode | undefined>;
}

export const JSON_OPTION: OptionSpec = { flags: '--json', description: 'print one JSON document' };

/** Below every help; the same codes for every command (README). */
const EXIT_CODES_HELP = 'Exit codes: 0 ok, 1 failed, 2 usage, 3 unreachable, 4 unhealthy or incomplete, 5 not authorised, 6 version skew, 130 Ctrl-C';

/** Parses, runs one command, prints an error with its next step, and returns the exit code. */
export async function runProgram(program: ProgramSpec, argv: readonly string[], io: CommandIo): Promise<ExitCode> {
  const first = argv[0];
  const known = program.commands.some((command) => command.name.split(' ')[0] === first);
  if (first !== undefined && !first.startsWith('-') && first !== 'help' && !known && program.fallback) {
    const code = await program.fallback(argv, io);
    if (code !== undefined) return code;
  }
  const outcome: { code: ExitCode } = { code: EXIT_CODES.ok };
  try {
    // No word at all asks for the help: that is no mistake.
    await buildRoot(program, io, outcome).parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
    return outcome.code;
  } catch (error) {
    return reportError(error, program.name, io);
  }
}

export function reportError(error: unknown, programName: string, io: Pick<CommandIo, 'stderr' | 'environment'>): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
  io.stderr.write(`${programName}: ${toPlainLines(messageOf(error))}\n`);
  const isDebugging = Boolean(io.environment['TT_DEBUG']);
  if (isDebugging) io.stderr.write(toPlainLines(stackOf(error)));
  if (error instanceof TtError) {
    io.stderr.write(`  next: ${toPlainLines(error.hint)}\n`);
    return error.exitCode;
  }
  const hint = SYSTEM_HINTS[systemCode(error) ?? ''] ?? 'run again with TT_DEBUG=1 for the details, and report it';
  if (!isDebugging) io.stderr.write(`  next: ${hint}\n`);
  return EXIT_CODES.failed;
}

const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EACCES: 'check who owns it, and that you may write there',
  EPERM: 'check who owns it, and that you may write there',
  EROFS: 'that file system is read-only: make it writable, or set XDG_DATA_HOME and XDG_STATE_HOME to another',
  ENOSPC: 'make room on the disk, then do it again',
};

/** Exit code after stdout failed. A reader that went away (`tt events | head`) is no failure; a full disk is. */
export function outputFailed(error: unknown, programName: string, io: Pick<CommandIo, 'stderr' | 'environment'>): ExitCode {
  if (systemCode(error) === 'EPIPE') return EXIT_CODES.ok;
  return reportError(new TtError('output_failed', `the output could not be written: ${messageOf(error)}`, {
    hint: 'what was printed is not complete: make room, then do it again', cause: error,
  }), programName, io);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const cause = error.cause === undefined ? '' : `caused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? ''}\n${cause}`;
}

function buildRoot(program: ProgramSpec, io: CommandIo, outcome: { code: ExitCode }): Command {
  const root = configure(new Command(program.name), program.name, io).description(program.summary).version(program.version);
  if (program.epilogue !== undefined) root.addHelpText('after', `\n${program.epilogue}`);
  for (const spec of program.commands) {
    const command = spec.name.split(' ').reduce((parent, word) => groupOf(parent, word, program, io), root);
    defineCommand(command, spec, io, outcome);
  }
  return root;
}

/** `words`: how it is called, e.g. `tt machines add`. */
function configure(command: Command, words: string, io: CommandIo): Command {
  return command
    .exitOverride()
    // `machines --json` and `machines add --json` both have the option: it belongs to the word before it.
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .showHelpAfterError(`  next: ${words} --help`)
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // The same form as every other error.
      outputError: (text, write) => write(text.replace(/^error: /, `${words.split(' ')[0] ?? ''}: `).replace(/\n\(Did you mean (.*)\?\)/, ' (did you mean $1?)')),
      getOutHelpWidth: () => io.stdout.columns,
      getErrHelpWidth: () => io.stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

function groupOf(parent: Command, word: string, program: ProgramSpec, io: CommandIo): Command {
  const existing = parent.commands.find((command) => command.name() === word);
  if (existing) return existing;
  const words = parent.parent === null ? `${program.name} ${word}` : `${program.name} ${parent.name()} ${word}`;
  return configure(parent.command(word), words, io).description(program.groups?.[word] ?? '');
}

function defineCommand(command: Command, spec: CommandSpec, io: CommandIo, outcome: { code: ExitCode }): void {
  command.description(spec.summary);
  for (const { syntax, description, choices } of spec.arguments ?? []) {
    const argument = new Argument(syntax, description);
    command.addArgument(choices ? argument.choices(choices) : argument);
  }
  for (const option of spec.options ?? []) command.addOption(toOption(option));
  if (spec.example !== undefined) command.addHelpText('after', `\nExample:\n  ${spec.example}`);
  command.action(async () => {
    const run = await spec.load();
    outcome.code = await run({ args: command.processedArgs.flat().filter(isText), options: command.opts() }, io);
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.choices) option.choices(spec.choices);
  if (spec.default !== undefined) option.default(spec.default);
  if (spec.required) option.makeOptionMandatory();
  if (spec.repeatable) {
    // Commander keeps the check of `choices` in `parseArg`, which a parser of our own replaces.
    const check: (value: string, previous: undefined) => unknown = option.parseArg ?? ((value) => value);
    option.argParser<string[]>((value, previous) => {
      check(value, undefined);
      return [...(Array.isArray(previous) ? previous : []), value];
    });
  }
  return option;
}

/** Text option, or undefined when it was not given. */
export function textOption(parsed: ParsedCommand, name: string): string | undefined {
  const value = parsed.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Every value of a repeatable option. */
export function listOption(parsed: ParsedCommand, name: string): string[] {
  const value = parsed.options[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Of an option that takes a whole number. Throws a usage error for what is none. */
export function countOption(parsed: ParsedCommand, name: string): number | undefined {
  const text = textOption(parsed, name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw usageError(`--${name}: ${JSON.stringify(text)} is not a number`, `give a whole number, e.g. --${name} 100`);
}

export function flag(parsed: ParsedCommand, name: string): boolean {
  return parsed.options[name] === true;
}

/** What a command answers: its document with `--json`, else words. */
export function printAnswer(parsed: ParsedCommand, io: Pick<CommandIo, 'stdout'>, document: object, text: string): ExitCode {
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : text);
  return EXIT_CODES.ok;
}

export function usageError(message: string, hint: string): TtError {
  return new TtError('usage', message, { hint, exitCode: EXIT_CODES.usage });
}
