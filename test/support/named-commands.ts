// Which commands and flags a text tells somebody to type. A text is a literal of the source or a code span of a page.
import type { CommandSpec } from '../../shared/cli.ts';

export interface NamedProgram {
  commands: readonly CommandSpec[];
  /** Words that only group commands: alone they name no command. */
  groups: Readonly<Record<string, string>>;
}
export type Programs = Readonly<Record<string, NamedProgram>>;

/** A word, a flag or something to fill in; anything else ends the command. */
const COMMAND = /(?<![\w./@-])(tt|tt-agent)((?: (?:(?!(?:or|and|tt|tt-agent)(?![\w-]))[a-z][a-z-]*|--?[a-z][a-z-]*|[A-Z][A-Z-]*(?:…|\.\.\.)?|\$\{\}|<[a-z-]+>|\[[^\]]*\]|…))+)/g;

/**
 * What such a text names that its program has not: `tt collector restart`, `tt gaps --everything`.
 * Prose about a program is not told from a command by its words alone, so `prose` says what may follow its name.
 */
export function unknownCommands(text: string, programs: Programs, prose: ReadonlySet<string>): string[] {
  return [...text.matchAll(COMMAND)].flatMap(([, program = '', rest = '']) => {
    const words = rest.trim().split(' ');
    const [first = ''] = words;
    if (!/^[a-z]/.test(first) || prose.has(`${program} ${first}`)) return [];
    const { commands = [], groups = {} } = programs[program] ?? {};
    const command = commandOf(words, commands);
    if (command === undefined) return words.length === 1 && first in groups ? [] : [`${program} ${words.slice(0, 2).join(' ')}`];
    return flagsOf(rest).filter((flag) => !takes(command, flag)).map((flag) => `${program} ${command.name} ${flag}`);
  });
}

/** By its two words, else by its first. */
function commandOf(words: readonly string[], commands: readonly CommandSpec[]): CommandSpec | undefined {
  return commands.find(({ name }) => name === words.slice(0, 2).join(' ')) ?? commands.find(({ name }) => name === words[0]);
}

function flagsOf(rest: string): string[] {
  return [...rest.matchAll(/(?<![\w-])--?[a-z](?:[a-z-]*[a-z])?(?![\w-])/g)].map(([flag]) => flag);
}

function takes({ options = [] }: CommandSpec, flag: string): boolean {
  return flag === '--help' || options.some(({ flags }) => flags.split(/[ ,]+/).includes(flag));
}
