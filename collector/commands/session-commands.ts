/** The commands about sessions, and what they use. */
import { JSON_OPTION, type CommandSpec, type OptionSpec } from '../../shared/cli.ts';
import { ROLES } from '../../shared/search-document.ts';
import { SESSION_STATES } from '../../shared/session-documents.ts';
import { USAGE_GROUPS } from '../../shared/usage-documents.ts';

const LIST_OPTIONS: readonly OptionSpec[] = [
  { flags: '--machine <label>', description: 'of this machine (label or ID)', repeatable: true },
  { flags: '--project <directory>', description: 'of this directory or below it, or of directories with this name' },
  { flags: '--state <state>', description: 'in this state', choices: SESSION_STATES, repeatable: true },
  { flags: '--since <time>', description: 'with something done since then: 2026-01-31, today, "2 hours ago"' },
  { flags: '--days <n>', description: 'with something done in the last n days' },
  { flags: '--limit <n>', description: 'the latest n (default: 50, with --json all)' },
  JSON_OPTION,
];

export const SESSION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'sessions',
    summary: 'List the sessions of every machine, latest first: what they do, did and cost',
    example: 'tt sessions --state working --state waiting',
    options: LIST_OPTIONS,
    load: async () => (await import('./sessions.ts')).sessions,
  },
  {
    name: 'sessions list',
    summary: 'List them',
    example: 'tt sessions list --days 7',
    options: LIST_OPTIONS,
    load: async () => (await import('./sessions.ts')).sessions,
  },
  {
    name: 'sessions show',
    summary: 'Show one session: its turns, tools, subagents, waits and tokens; or all that was said',
    example: 'tt sessions show 6f1c2a90@devbox',
    arguments: [{ syntax: '<session>', description: 'its ID or the first characters of it, also ID@machine' }],
    options: [
      { flags: '--transcript', description: 'what was said in it, with its tools folded: from the archive, or from this computer' },
      { flags: '--markdown', description: 'with --transcript: as Markdown' },
      JSON_OPTION,
    ],
    load: async () => (await import('./session-show.ts')).showSession,
  },
  {
    name: 'sessions pull',
    summary: 'Bring a session of another machine here, so that claude --resume goes on with it; also when that machine is off',
    example: 'tt sessions pull 6f1c2a90@devbox',
    arguments: [{ syntax: '<session>', description: 'its ID or the first characters of it, also ID@machine' }],
    options: [
      { flags: '--to <directory>', description: 'where it goes on (default: the same repository here)' },
      { flags: '--dry-run', description: 'only say where it would go' },
      JSON_OPTION,
    ],
    load: async () => (await import('./session-handover.ts')).pullSession,
  },
  {
    name: 'sessions push',
    summary: 'Bring a session to another machine, if its owner allows it there (receive = true), so that claude --resume goes on with it',
    example: 'tt sessions push 6f1c2a90 devbox',
    arguments: [{ syntax: '<session>', description: 'its ID or the first characters of it, also ID@machine' }, { syntax: '<machine>', description: 'its label, or a host as ssh takes it' }],
    options: [
      { flags: '--to <directory>', description: 'where it goes on there (default: the same repository)' },
      { flags: '--dry-run', description: 'only say where it would go' },
      JSON_OPTION,
    ],
    load: async () => (await import('./session-handover.ts')).pushSession,
  },
  {
    name: 'sessions sync',
    summary: 'Keep the sessions of the last days in step between this computer and others: pull what they have, then push what they lack',
    example: 'tt sessions sync devbox --project shop --dry-run',
    arguments: [{ syntax: '[machine...]', description: 'labels; each is archived (tt archive on LABEL). Without: those that [sync] in config.toml names, else all that are connected' }],
    options: [
      { flags: '--days <n>', description: 'written in the last n days (default: what [sync] says of them, else 7)' },
      { flags: '--project <repository>', description: 'of this directory, of directories with this name, or of this git remote (default: what [sync] says, else all)', repeatable: true },
      { flags: '--dry-run', description: 'only say which' },
      JSON_OPTION,
    ],
    load: async () => (await import('./session-sync.ts')).syncSessions,
  },
  {
    name: 'search',
    summary: 'Find what was said in the archived sessions of every machine, best first',
    example: 'tt search connection refused --role user --days 30',
    arguments: [{ syntax: '<words...>', description: 'all of them; "these in a row", this OR that, -not, begin*' }],
    options: [
      { flags: '--machine <label>', description: 'on this machine (label or ID)', repeatable: true },
      { flags: '--project <directory>', description: 'in this directory or below it, or in directories with this name' },
      { flags: '--since <time>', description: 'said since then: 2026-01-31, today, "2 hours ago"' },
      { flags: '--days <n>', description: 'said in the last n days' },
      { flags: '--role <role>', description: 'said by', choices: ROLES, repeatable: true },
      { flags: '--limit <n>', description: 'the best n (default: 20)' },
      JSON_OPTION,
    ],
    load: async () => (await import('./search.ts')).searchSessions,
  },
  {
    name: 'waiting',
    summary: 'List the sessions that wait for you, longest first, with the line that brings you there',
    example: 'tt waiting --json',
    options: [JSON_OPTION],
    load: async () => (await import('./sessions.ts')).waiting,
  },
  {
    name: 'usage',
    summary: 'Tokens and what they cost at list price, by day or by anything else',
    example: 'tt usage --by project --since 2026-01-01',
    options: [
      { flags: '--by <what>', description: 'what to add up by', choices: USAGE_GROUPS, default: 'day' },
      { flags: '--since <time>', description: 'from here on: a date, today, "2 weeks ago", 2026-01-31T14:00:00Z' },
      { flags: '--until <time>', description: 'before this; a date ends before it begins' },
      { flags: '--timezone <zone>', description: 'whose days, e.g. Europe/Berlin (default: of this computer)' },
      JSON_OPTION,
    ],
    load: async () => (await import('./usage.ts')).usage,
  },
  {
    name: 'statusline',
    summary: 'One line for a prompt: who waits, who works, which machine is late, and what today cost',
    example: 'tt statusline --session 6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11',
    options: [{ flags: '--session <id>', description: 'about this session: where it runs, its state, branch, tokens and cost' }],
    load: async () => (await import('./statusline.ts')).statusline,
  },
];
