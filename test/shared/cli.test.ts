import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { flag, outputFailed, runProgram, textOption, usageError, type CommandIo, type CommandSpec, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { ManualClock } from '../support/manual-clock.ts';

interface Printed extends CommandIo {
  out(): string;
  err(): string;
}

function terminal(environment: Record<string, string> = {}): Printed {
  const [out, err]: [string[], string[]] = [[], []];
  const output = (lines: string[]) => ({ write: (text: string) => void lines.push(text), isTTY: false, columns: 100 });
  const never = new AbortController().signal;
  return {
    stdin: Readable.from([]), stdout: output(out), stderr: output(err), environment, home: '/home/someone',
    clock: new ManualClock(), program: { node: '/bin/node', file: '/tt.ts' }, stop: never, abandon: never, out: () => out.join(''), err: () => err.join(''),
  };
}

function program(commands: CommandSpec[]) {
  return { name: 'tt', summary: 'What you did.', version: '1.2.3', commands };
}

/** A command that remembers what it was called with. */
function remembering(spec: Omit<CommandSpec, 'load' | 'summary'>): { spec: CommandSpec; seen: ParsedCommand[] } {
  const seen: ParsedCommand[] = [];
  const load: CommandSpec['load'] = async () => async (parsed) => {
    seen.push(parsed);
    return EXIT_CODES.ok;
  };
  return { spec: { summary: 'Remembers.', ...spec, load }, seen };
}

function failing(error: Error): CommandSpec {
  return { name: 'fail', summary: 'Fails.', load: async () => () => Promise.reject(error) };
}

describe('the command line', () => {
  it('suggests the nearest command for an unknown one and exits 2', async () => {
    const io = terminal();
    expect(await runProgram(program([remembering({ name: 'status' }).spec]), ['statsu'], io)).toBe(2);
    expect(io.err()).toBe("tt: unknown command 'statsu' (did you mean status?)\n  next: tt --help\n");
    expect(io.out()).toBe('');
  });

  it.each([[['--help']], [['status', '--help']], [['help', 'status']], [[]]])('prints help for %j and exits 0', async (argv) => {
    const io = terminal();
    expect(await runProgram(program([remembering({ name: 'status', example: 'tt status --json' }).spec]), argv, io)).toBe(0);
    expect(io.out()).toContain('Usage: tt');
    expect(io.err()).toBe('');
  });

  it('prints what somebody else wrote into an error as plain text', async () => {
    const io = terminal();
    const error = new TtError('refused', 'it said \u001b]0;owned\u0007', { hint: 'click \u009b2J\u202ehere\nor there' });
    expect(await runProgram(program([failing(error)]), ['fail'], io)).toBe(1);
    expect(io.err()).toBe('tt: it said  ]0;owned \n  next: click  2J here\nor there\n');
  });

  it('shows the example in the help of a command', async () => {
    const io = terminal();
    await runProgram(program([remembering({ name: 'status', example: 'tt status --json' }).spec]), ['status', '--help'], io);
    expect(io.out()).toContain('tt status --json');
  });

  it('says what a word means that only groups commands, and how such a command is called after a mistake', async () => {
    const grouped = { ...program([remembering({ name: 'collector run' }).spec]), groups: { collector: 'The collector itself' }, epilogue: 'See also.' };
    const [help, mistake] = [terminal(), terminal()];
    expect(await runProgram(grouped, ['--help'], help)).toBe(0);
    expect(help.out()).toMatch(/collector +The collector itself\n/);
    expect(help.out()).toContain('\nSee also.\n');
    expect(await runProgram(grouped, ['collector', 'run', 'x'], mistake)).toBe(2);
    expect(mistake.err()).toContain('\n  next: tt collector run --help\n');
  });

  it('prints its version', async () => {
    const io = terminal();
    expect(await runProgram(program([]), ['--version'], io)).toBe(0);
    expect(io.out()).toBe('1.2.3\n');
  });

  it.each([
    ['an unknown option', ['status', '--jsno']], ['one argument too many', ['status', 'x']],
    ['a missing value', ['status', '--limit']], ['a value that is no choice', ['status', '--format', 'xml']],
    ['a value of a repeatable option that is no choice', ['status', '--kind', 'a', '--kind', 'z']],
  ])('exits 2 for %s', async (_what, argv) => {
    const { spec, seen } = remembering({
      name: 'status',
      options: [
        { flags: '--json', description: '' }, { flags: '-n, --limit <n>', description: '' },
        { flags: '--format <f>', description: '', choices: ['text', 'json'] },
        { flags: '--kind <k>', description: '', choices: ['a', 'b'], repeatable: true },
      ],
    });
    const io = terminal();
    expect(await runProgram(program([spec]), argv, io)).toBe(2);
    expect(io.err()).toMatch(/^tt: .*\n {2}next: tt status --help\n$/);
    expect(seen).toEqual([]);
  });

  it('gives a command its arguments and options', async () => {
    const { spec, seen } = remembering({
      name: 'machines add',
      arguments: [{ syntax: '<label>', description: '' }, { syntax: '[host...]', description: '' }],
      options: [
        { flags: '--json', description: '' }, { flags: '--dry-run', description: '' },
        { flags: '-t, --tag <tag>', description: '', repeatable: true },
        { flags: '--kind <k>', description: '', choices: ['a', 'b'], repeatable: true },
        { flags: '--format <f>', description: '', default: 'text' },
      ],
    });
    const argv = ['machines', 'add', 'box', 'h1', 'h2', '--json', '-t', 'x', '--tag', 'y', '--kind', 'b'];
    expect(await runProgram(program([spec]), argv, terminal())).toBe(0);
    expect(seen[0]?.args).toEqual(['box', 'h1', 'h2']);
    expect(seen[0]?.options).toEqual({ json: true, tag: ['x', 'y'], kind: ['b'], format: 'text' });
    expect([flag(seen[0]!, 'json'), flag(seen[0]!, 'dryRun')]).toEqual([true, false]);
    expect([textOption(seen[0]!, 'format'), textOption(seen[0]!, 'nothing')]).toEqual(['text', undefined]);
  });

  it('knows a command that has commands of its own', async () => {
    const machines = remembering({ name: 'machines' });
    const add = remembering({ name: 'machines add', arguments: [{ syntax: '<label>', description: '' }] });
    const io = terminal();
    const both = program([machines.spec, add.spec]);
    expect(await runProgram(both, ['machines'], io)).toBe(0);
    expect(await runProgram(both, ['machines', 'add', 'x'], io)).toBe(0);
    expect([machines.seen.length, add.seen.length]).toEqual([1, 1]);
    expect(await runProgram(both, ['machines', 'ad'], io)).toBe(2);
  });

  it('demands a required option', async () => {
    const { spec } = remembering({ name: 'x', options: [{ flags: '--code <c>', description: '', required: true }] });
    expect(await runProgram(program([spec]), ['x'], terminal())).toBe(2);
  });

  it('returns the exit code of the command', async () => {
    const spec: CommandSpec = { name: 'x', summary: '', load: async () => async () => EXIT_CODES.unhealthy };
    expect(await runProgram(program([spec]), ['x'], terminal())).toBe(4);
  });
});

describe('a first word that is no command', () => {
  const commands = [remembering({ name: 'status' }).spec];

  it('is offered to the fallback as it stands, whose exit code counts', async () => {
    const offered: (readonly string[])[] = [];
    const fallback = async (argv: readonly string[]) => {
      offered.push(argv);
      return EXIT_CODES.unreachable;
    };
    expect(await runProgram({ ...program(commands), fallback }, ['init', '--label', 'x'], terminal())).toBe(3);
    expect(await runProgram({ ...program(commands), fallback }, ['status'], terminal())).toBe(0);
    expect(await runProgram({ ...program(commands), fallback }, ['--help'], terminal())).toBe(0);
    expect(offered).toEqual([['init', '--label', 'x']]);
  });

  it('is a usage error when the fallback refuses it', async () => {
    expect(await runProgram({ ...program(commands), fallback: async () => undefined }, ['init'], terminal())).toBe(2);
  });
});

describe('an error of a command', () => {
  it('prints the cause, the next step, and gives the exit code', async () => {
    const io = terminal();
    const error = new TtError('no_identity', 'this machine has no identity', { hint: 'run `tt init`', exitCode: EXIT_CODES.unauthorised });
    expect(await runProgram(program([failing(error)]), ['fail'], io)).toBe(5);
    expect(io.err()).toBe('tt: this machine has no identity\n  next: run `tt init`\n');
    expect(io.out()).toBe('');
  });

  it('of usage exits 2', async () => {
    expect(await runProgram(program([failing(usageError('no', 'yes'))]), ['fail'], terminal())).toBe(2);
  });

  it.each([['EACCES', 'who owns it'], ['EROFS', 'read-only'], ['ENOSPC', 'make room']])('of the system (%s) says what to do', async (code, words) => {
    const io = terminal();
    expect(await runProgram(program([failing(Object.assign(new Error(`${code}: no`), { code }))]), ['fail'], io)).toBe(1);
    expect(io.err()).toContain(words);
  });

  it('that nobody foresaw exits 1, and shows its stack only on request', async () => {
    const [calm, debugging] = [terminal(), terminal({ TT_DEBUG: '1' })];
    const error = new Error('boom', { cause: new Error('the reason') });
    expect(await runProgram(program([failing(error)]), ['fail'], calm)).toBe(1);
    expect(await runProgram(program([failing(error)]), ['fail'], debugging)).toBe(1);
    expect(calm.err()).toBe('tt: boom\n  next: run again with TT_DEBUG=1 for the details, and report it\n');
    expect(debugging.err()).toContain('cli.test.ts');
    expect(debugging.err()).toContain('the reason');
  });
});

describe('output that can not be written', () => {
  it('is no failure where the reader went away, and one on a full disk', () => {
    const [gone, full] = [terminal(), terminal()];
    expect(outputFailed(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), 'tt', gone)).toBe(0);
    expect(gone.err()).toBe('');
    expect(outputFailed(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }), 'tt', full)).toBe(1);
    expect(full.err()).toBe('tt: the output could not be written: write ENOSPC\n  next: what was printed is not complete: make room, then do it again\n');
  });
});
