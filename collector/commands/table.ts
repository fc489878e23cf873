/** Every command of `tt`. A module is loaded only when its command is called. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';
import { SHELLS } from '../../shared/completion.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { LOG_OPTION } from '../../shared/rotating-file.ts';
import { serviceCommands } from '../../shared/service/commands.ts';
import type { ServiceProgram } from '../../shared/service/service.ts';
import { ARCHIVE_COMMANDS } from './archive-commands.ts';
import { DATA_COMMANDS } from './data-commands.ts';
import { DEPLOY_COMMANDS } from './deploy-commands.ts';
import { READING_COMMANDS } from './reading-commands.ts';
import { STREAM_COMMANDS } from './stream-commands.ts';
import { SESSION_COMMANDS } from './session-commands.ts';
import { TIME_COMMANDS } from './time-commands.ts';
import { TUNNEL_COMMANDS } from './tunnel-commands.ts';

const LABEL = { syntax: '<label>', description: 'label of the machine, as `tt machines` prints it' };

/** What a word means that only groups commands. */
export const GROUPS: Readonly<Record<string, string>> = { collector: 'Run, back up, restore and rebuild the collector' };

/** Commands of tt-agent that `tt` passes to it. A word that neither knows is a mistake, which `tt` explains. */
export const HANDED_ON: readonly string[] = ['init', 'join', 'run', 'install', 'uninstall', 'logs', 'ingest', 'export', 'preview', 'drain', 'look', 'receive'];

const SERVICE: ServiceProgram = {
  name: 'tt-collector', words: 'tt collector', arguments: ['collector', 'run'], logName: 'collector.log', finalStatus: EXIT_CODES.usage,
  check: ({ environment, home }) => void loadConfig(resolvePaths(environment, home).configFile, environment),
};

export const COMMANDS: readonly CommandSpec[] = [
  ...READING_COMMANDS,
  ...TIME_COMMANDS,
  ...SESSION_COMMANDS,
  ...DATA_COMMANDS,
  ...ARCHIVE_COMMANDS,
  ...STREAM_COMMANDS,
  {
    name: 'collector run',
    summary: 'Collect in the foreground until SIGTERM or SIGINT; a second one ends it at once',
    example: 'tt collector run',
    options: [LOG_OPTION],
    load: async () => (await import('./run.ts')).runCollector,
  },
  ...serviceCommands('collector ', SERVICE),
  {
    name: 'collector backup',
    summary: 'Write database, identity and machines into one private file',
    example: 'tt collector backup ~/tt-backup.db',
    arguments: [{ syntax: '<file>', description: 'where to; replaced if it exists' }],
    options: [JSON_OPTION],
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'collector restore',
    summary: 'Take the database of a backup; identity and machines only where there are none',
    example: 'tt collector restore ~/tt-backup.db',
    arguments: [{ syntax: '<file>', description: 'a file of tt collector backup' }],
    options: [JSON_OPTION],
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'collector rebuild',
    summary: 'Derive sessions, usage and times again from the events',
    example: 'tt collector rebuild',
    options: [JSON_OPTION],
    load: async () => (await import('./rebuild.ts')).rebuild,
  },
  {
    name: 'doctor',
    summary: 'Look for what is wrong with the collector and its machines, and say what to do; exits 4 when something is',
    example: 'tt doctor --probe --machine devbox',
    options: [
      { flags: '--probe', description: 'instead, have agents send a line through file, agent, wire, database and page, and time each hop' },
      { flags: '--machine <label>', description: 'with --probe: of this machine only' },
      { flags: '--deep', description: 'compare every index of the database with its table, too; takes long' },
      JSON_OPTION,
    ],
    load: async () => {
      const { doctor } = await import('./doctor.ts');
      return (parsed, io) => doctor(parsed, io, SERVICE);
    },
  },
  {
    name: 'completion',
    summary: 'Print what a shell needs to complete commands, options and labels',
    example: 'tt completion bash > ~/.local/share/bash-completion/completions/tt',
    arguments: [{ syntax: '<shell>', description: 'the shell; `labels` prints the machines, which the scripts ask for', choices: [...SHELLS, 'labels'] }],
    load: async () => {
      const { completion } = await import('./completion.ts');
      return (parsed, io) => completion(parsed, io, { name: 'tt', commands: [...COMMANDS, ...handedOn()], groups: GROUPS });
    },
  },
  {
    name: 'machines',
    summary: 'List the machines, or add, rename, rewind, revoke and retire them',
    example: 'tt machines --json',
    options: [JSON_OPTION],
    load: async () => (await import('./machines.ts')).listMachines,
  },
  {
    name: 'machines list',
    summary: 'List the machines',
    example: 'tt machines list',
    options: [JSON_OPTION],
    load: async () => (await import('./machines.ts')).listMachines,
  },
  {
    name: 'machines add',
    summary: 'Make a one-time code by which a machine joins; it holds ten minutes',
    example: 'tt machines add devbox',
    arguments: [{ syntax: '<label>', description: 'what to call it: lower case letters, digits, - and _' }],
    options: [{ flags: '--again', description: 'let a machine that has this label join once more' }, JSON_OPTION],
    load: async () => (await import('./machines.ts')).addMachine,
  },
  {
    name: 'machines rename',
    summary: 'Give a machine another label; what it sent keeps its ID',
    example: 'tt machines rename devbox build-1',
    arguments: [LABEL, { syntax: '<new>', description: 'its new label' }],
    options: [JSON_OPTION],
    load: async () => (await import('./machines.ts')).renameMachine,
  },
  {
    name: 'machines revoke',
    summary: 'Shut a machine out, now; its key is worth nothing any more',
    example: 'tt machines revoke build-1',
    arguments: [LABEL],
    options: [JSON_OPTION],
    load: async () => (await import('./machines.ts')).revokeMachine,
  },
  {
    name: 'machines retire',
    summary: 'A machine is gone for good: its history stays, nothing waits for it',
    example: 'tt machines retire build-1',
    arguments: [LABEL],
    options: [JSON_OPTION],
    load: async () => (await import('./machines.ts')).retireMachine,
  },
  {
    name: 'machines rewind',
    summary: 'Have a machine send everything again; what is known counts once',
    example: 'tt machines rewind devbox --replace',
    arguments: [LABEL],
    options: [
      { flags: '--replace', description: 'and take its new reading for the old one (after an upgrade)' },
      JSON_OPTION,
    ],
    load: async () => (await import('./machines.ts')).rewindMachine,
  },
  ...DEPLOY_COMMANDS,
  ...TUNNEL_COMMANDS,
];

/** Words only: what they take, `tt-agent` completes. */
function handedOn(): CommandSpec[] {
  const load = (): Promise<never> => Promise.reject(new Error('tt-agent runs it'));
  return HANDED_ON.map((name) => ({ name, summary: 'of the agent on this machine', load }));
}
