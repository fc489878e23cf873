// Hints, help and pages tell people what to type next: each command and flag that they name must be there.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AGENT_GROUPS, agentCommands } from '../agent/commands/table.ts';
import { COMMANDS, GROUPS, HANDED_ON } from '../collector/commands/table.ts';
import { factsOf, readTree } from './support/import-graph.ts';
import { modelProcesses } from './support/model-processes.ts';
import { unknownCommands, type Programs } from './support/named-commands.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const ofAgent = agentCommands(() => modelProcesses());
const handedOn = ofAgent.filter(({ name }) => HANDED_ON.includes(name.split(' ')[0] ?? ''));
// `tt export` with a section is `tt context`.
const context = COMMANDS.filter(({ name }) => name === 'context').map((command) => ({ ...command, name: 'export' }));
const programs: Programs = {
  tt: { commands: [...COMMANDS, ...context, ...handedOn], groups: { ...GROUPS, ...AGENT_GROUPS } },
  'tt-agent': { commands: ofAgent, groups: AGENT_GROUPS },
};

/** Said of a program, not to be typed. */
const PROSE: ReadonlySet<string> = new Set([
  ...['again', 'has', 'is', 'keeps', 'knows', 'made', 'needs', 'on', 'throughout'].map((word) => `tt ${word}`),
  ...['is', 'on', 'runs', 'was'].map((word) => `tt-agent ${word}`),
  // In front of what is signed or hashed, and in a remote script's marks.
  'tt code', 'tt place',
]);

const unknown = (text: string): string[] => unknownCommands(text, programs, PROSE);

describe('a text that names commands', () => {
  it.each([
    ['restart it: tt collector restart', ['tt collector restart']],
    ['`tt gapz` lists them', ['tt gapz']],
    ['tt machines add ${} --once', ['tt machines add --once']],
    ['tt-agent joining', ['tt-agent joining']],
    ['try tt sessions show ID --transcripts', ['tt sessions show --transcripts']],
    ['tt search deploy -test', ['tt search -test']],
  ])('%s: refused', (text, found) => expect(unknown(text)).toEqual(found));

  it.each([
    'as a service: tt collector install', '`tt machines` lists them', 'tt machines add ${} --again', 'tt-agent join http://x --code -', 'tt init --new-identity', 'tt archive verify --machine LABEL --repair', "tt search 'deploy -test'", 'what tt-agent export or tt events --json wrote', 'at.example',
  ])('%s: allowed', (text) => expect(unknown(text)).toEqual([]));
});

/** Comments, too, but without a syntax tree: few files are left to look at closely. */
const mayName = (source: string): boolean => [source, source.replace(/\$\{[^}]*\}/g, '${}')].some((text) => unknown(text).length > 0);

it('every command that the programs name is there', () => {
  const suspect = new Map([...readTree(root, ['agent', 'collector', 'shared', 'deploy'])].filter(([, source]) => mayName(source)));
  const found = factsOf(suspect).flatMap(({ path, texts }) => texts.flatMap(({ name, line }) => unknown(name).map((command) => `${path}:${line} ${command}`)));
  expect(found).toEqual([]);
});

it('every command that the pages name is there', () => {
  const pages = ['README.md', ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md')).map((path) => join('docs', path))];
  const found = pages.flatMap((page) => [...readFileSync(join(root, page), 'utf8').matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => unknown(code).map((command) => `${page} ${command}`)));
  expect(found).toEqual([]);
});
