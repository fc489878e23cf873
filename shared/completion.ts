/**
 * What a shell needs to complete a program's commands, out of the same table
 * that parses them: a static script per shell, so that a TAB starts no process;
 * only names that change (labels of machines) are asked for.
 */
import type { CommandSpec, ProgramSpec } from './cli.ts';
import { quoteForSh } from './sh-words.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Names that the program is asked for, or files. */
export type Completable = 'label' | 'file';

/** One command, or a word that groups commands. */
export interface CompletionNode {
  /** Words before it are typed already: '' is the program itself, `machines add` a command. */
  path: string;
  commands: { word: string; summary: string }[];
  options: { name: string; summary: string; value: ValueSpec | null }[];
  argument: ValueSpec | null;
}

export interface ValueSpec {
  choices: readonly string[];
  ask: Completable | null;
}

/** Every place where a word can be completed, the program itself first. */
export function toCompletionNodes(program: Pick<ProgramSpec, 'commands' | 'groups'>): CompletionNode[] {
  const nodes = new Map<string, CompletionNode>();
  const nodeAt = (path: string): CompletionNode => {
    const known = nodes.get(path) ?? { path, commands: [], options: [], argument: null };
    nodes.set(path, known);
    return known;
  };
  nodeAt('');
  for (const spec of program.commands) {
    const words = spec.name.split(' ');
    words.forEach((word, depth) => {
      const parent = nodeAt(words.slice(0, depth).join(' '));
      const isCommand = depth === words.length - 1;
      const listed = parent.commands.find((command) => command.word === word);
      const summary = isCommand ? spec.summary : program.groups?.[word] ?? '';
      if (!listed) parent.commands.push({ word, summary });
      else if (isCommand) listed.summary = summary;
    });
    fill(nodeAt(spec.name), spec);
  }
  return [...nodes.values()];
}

function fill(node: CompletionNode, spec: CommandSpec): void {
  const [argument] = spec.arguments ?? [];
  if (argument) node.argument = { choices: argument.choices ?? [], ask: askedFor(argument.syntax) };
  for (const option of spec.options ?? []) {
    const name = /--[\w-]+/.exec(option.flags)?.[0] ?? option.flags;
    const hasValue = /[<[]/.test(option.flags);
    node.options.push({ name, summary: option.description, value: hasValue ? { choices: option.choices ?? [], ask: askedFor(option.flags) } : null });
  }
  node.options.push({ name: '--help', summary: 'how it is used', value: null });
}

/** By the word in the brackets, which is the same everywhere: `<label>`, `<file>`. */
function askedFor(syntax: string): Completable | null {
  if (/[<[](label|machine)\b/i.test(syntax)) return 'label';
  return /[<[](file|path|dir)\b/.test(syntax) ? 'file' : null;
}

/** The script, to be sourced (bash), put into `fpath` or sourced (zsh), or put into fish's completions. */
export function printCompletion(shell: Shell, program: Pick<ProgramSpec, 'name' | 'commands' | 'groups'>): string {
  const nodes = toCompletionNodes(program);
  const print = { bash: printBash, zsh: printZsh, fish: printFish }[shell];
  return print(program.name, nodes);
}

/** Command substitution of the shell that prints the names, one a line. */
function asking(name: string): string {
  return `${name} completion labels 2>/dev/null`;
}

function functionName(name: string): string {
  return `_${name.replaceAll('-', '_')}`;
}

/** A case for each path that goes on, so that the path typed so far is known; `$path` has no leading blank. */
function printPathCases(nodes: readonly CompletionNode[]): string {
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return paths.length === 0 ? "''" : paths.join('|');
}

function printBash(name: string, nodes: readonly CompletionNode[]): string {
  const words = (node: CompletionNode): string => [...node.commands.map(({ word }) => word), ...node.options.map((option) => option.name)].join(' ');
  const values = nodes.flatMap((node) => node.options.flatMap(({ name: option, value }) => {
    if (value === null) return [];
    return [`    '${node.path} ${option}') ${bashReply(name, value.choices.join(' '), value.ask)}; return ;;`];
  }));
  const places = nodes.map((node) => `    '${node.path}') ${bashReply(name, [words(node), ...(node.argument?.choices ?? [])].join(' '), node.argument?.ask ?? null)} ;;`);
  return `# bash completion of ${name}:  source <(${name} completion bash)
${functionName(name)}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' next i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case $next in ${printPathCases(nodes)}) path=$next ;; esac
  done
  COMPREPLY=()
  case "$path $prev" in
${values.join('\n')}
  esac
  case $path in
${places.join('\n')}
  esac
}
complete -F ${functionName(name)} ${name}
`;
}

function bashReply(name: string, words: string, ask: Completable | null): string {
  const list = ask === 'label' ? `${words} $(${asking(name)})` : words;
  const files = ask === 'file' ? `; local IFS=$'\\n'; COMPREPLY+=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null` : '';
  return `COMPREPLY=($(compgen -W "${list}" -- "$cur"))${files}`;
}

function printZsh(name: string, nodes: readonly CompletionNode[]): string {
  const item = (word: string, summary: string): string => quoteForSh(`${word.replaceAll(':', '\\:')}:${summary}`);
  const values = nodes.flatMap((node) => node.options.flatMap(({ name: option, value }) => {
    if (value === null) return [];
    return [`    '${node.path} ${option}') ${zshValue(name, value)}; return ;;`];
  }));
  const places = nodes.map((node) => {
    const items = [...node.commands.map(({ word, summary }) => item(word, summary)), ...node.options.map((option) => item(option.name, option.summary))];
    const argument = node.argument === null ? '' : `; ${zshValue(name, node.argument)}`;
    return `    '${node.path}') list=(${items.join(' ')}); _describe '${name}' list${argument} ;;`;
  });
  return `#compdef ${name}
# zsh completion of ${name}:  source <(${name} completion zsh)
${functionName(name)}() {
  local path_='' next word
  local -a list
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${path_:+$path_ }$word"
    case $next in ${printPathCases(nodes)}) path_=$next ;; esac
  done
  case "$path_ \${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  case $path_ in
${places.join('\n')}
  esac
}
if [ "$funcstack[1]" = "${functionName(name)}" ]; then ${functionName(name)} "$@"; else compdef ${functionName(name)} ${name}; fi
`;
}

function zshValue(name: string, { choices, ask }: ValueSpec): string {
  if (ask === 'file') return '_files';
  return `compadd -- ${ask === 'label' ? `\${(f)"$(${asking(name)})"}` : choices.join(' ')}`;
}

function printFish(name: string, nodes: readonly CompletionNode[]): string {
  const at = functionName(name);
  const lines = nodes.flatMap((node) => {
    const start = `complete -c ${name} -f -n "${at}_at '${node.path}'"`;
    return [
      ...node.commands.map(({ word, summary }) => `${start} -a ${word} -d ${quoteForFish(summary)}`),
      ...node.options.map((option) => `${start} -l ${option.name.slice(2)} -d ${quoteForFish(option.summary)}${fishValue(name, option.value)}`),
      ...(node.argument === null ? [] : [fishArgument(name, node.argument, { start, condition: `"${at}_at '${node.path}'"` })]),
    ];
  });
  return `# fish completion of ${name}:  ${name} completion fish | source
function ${at}_at
    set -l path ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$path $word")
        contains -- $next ${nodes.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`).join(' ')}; and set path $next
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function fishArgument(name: string, { choices, ask }: ValueSpec, { start, condition }: { start: string; condition: string }): string {
  if (ask === 'file') return `complete -c ${name} -F -n ${condition}`;
  return `${start} -a '${ask === 'label' ? `(${asking(name)})` : choices.join(' ')}'`;
}

function fishValue(name: string, value: ValueSpec | null): string {
  if (value === null) return '';
  if (value.ask === 'file') return ' -r -F';
  return value.ask === 'label' ? ` -x -a '(${asking(name)})'` : ` -x -a '${value.choices.join(' ')}'`;
}

/** In single quotes fish knows two escapes. */
function quoteForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
