/** The commands about streams: which there are, and what belongs to them. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

const STREAM = { syntax: '<stream>', description: 'name, ID or short ID of `tt streams`' };
const LIST_OPTIONS = [{ flags: '--all', description: 'also those without events in the last 7 days, and times from the beginning on' }, JSON_OPTION];
const RANGE_OPTIONS = [
  { flags: '--start <time>', description: 'from here on: 2026-01-31T14:00:00Z, 2026-01-31, today, "4 hours ago"; default: a day before the end' },
  { flags: '--end <time>', description: 'before this; default: now' },
  { flags: '--gap-threshold <minutes>', description: 'quiet of at least this long is a gap', default: '5' },
  { flags: '--unclassified', description: 'leave out what belongs to a stream' },
  { flags: '--summary', description: 'short: titles of at most 120 bytes, one prompt a session' },
];

export const STREAM_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'streams',
    summary: 'List the streams of the last 7 days with their time, or create, rename, merge and delete them',
    options: LIST_OPTIONS,
    load: async () => (await import('./streams.ts')).listStreamsCommand,
  },
  {
    name: 'streams list',
    summary: 'List the streams of the last 7 days with their time',
    options: LIST_OPTIONS,
    load: async () => (await import('./streams.ts')).listStreamsCommand,
  },
  {
    name: 'streams create',
    summary: 'Make a stream; prints its ID',
    example: 'tt streams create "web: checkout rewrite" --tag acme',
    arguments: [{ syntax: '<name>', description: 'what to call it' }],
    options: [{ flags: '--tag <tag>', description: 'and tag it', repeatable: true }, JSON_OPTION],
    load: async () => (await import('./streams.ts')).createStream,
  },
  {
    name: 'streams rename',
    summary: 'Give a stream another name; its ID stays',
    arguments: [STREAM, { syntax: '<name>', description: 'its new name' }],
    options: [JSON_OPTION],
    load: async () => (await import('./streams.ts')).renameStream,
  },
  {
    name: 'streams merge',
    summary: 'Make two streams one: what belonged to the first belongs to the second',
    example: 'tt streams merge "checkout fixes" checkout',
    arguments: [{ syntax: '<from>', description: 'the one that goes' }, { syntax: '<into>', description: 'the one that stays' }],
    options: [JSON_OPTION],
    load: async () => (await import('./streams.ts')).mergeStreams,
  },
  {
    name: 'streams delete',
    summary: 'Delete a stream; its events stay, unassigned',
    arguments: [STREAM],
    options: [{ flags: '--yes', description: 'do not ask' }, JSON_OPTION],
    load: async () => (await import('./streams.ts')).deleteStream,
  },
  {
    name: 'streams propose',
    summary: 'Propose streams for sessions that have none, by their directories; assigns nothing',
    options: [RANGE_OPTIONS[0], RANGE_OPTIONS[1], JSON_OPTION].filter((option) => option !== undefined),
    load: async () => (await import('./classify.ts')).proposeStreams,
  },
  {
    name: 'tag',
    summary: 'Tag a stream; reports add up by tag',
    example: 'tt tag checkout acme',
    arguments: [STREAM, { syntax: '<tag...>', description: 'one or more tags' }],
    options: [JSON_OPTION],
    load: async () => (await import('./streams.ts')).tagStream,
  },
  {
    name: 'untag',
    summary: 'Take tags away from a stream',
    arguments: [STREAM, { syntax: '<tag...>', description: 'one or more tags' }],
    options: [JSON_OPTION],
    load: async () => (await import('./streams.ts')).untagStream,
  },
  {
    name: 'assign',
    summary: 'Say what belongs to a stream: a session, a directory, single events, or your own time; no model or rule overwrites it',
    example: 'tt assign checkout --session 9f8e7d6c',
    arguments: [{ syntax: '[stream]', description: 'name, ID or short ID of `tt streams`' }],
    options: [
      { flags: '--session <id>', description: 'a session with its subagents, and what comes later in it (ID or its first characters)', repeatable: true },
      { flags: '--cwd <path>', description: 'a directory and all below it, on every machine, and what comes later in it' , repeatable: true },
      { flags: '--event <id>', description: 'one event', repeatable: true },
      { flags: '--from <time>', description: 'with --session or --cwd: only from here on; alone with --to: your focus in this time' },
      { flags: '--to <time>', description: 'before this' },
      { flags: '--none', description: 'to no stream, and let no model or rule change that' },
      { flags: '--create', description: 'make the stream if there is none of that name' },
      { flags: '--undo', description: 'take back what was assigned last, by whomever' },
      { flags: '--dry-run', description: 'only count' },
      JSON_OPTION,
    ],
    load: async () => (await import('./assign.ts')).assign,
  },
  {
    name: 'classify',
    summary: 'Print what a model needs to assign the work of a time to streams, or apply what it says',
    example: 'tt classify --unclassified --json',
    options: [
      ...RANGE_OPTIONS,
      { flags: '--gaps', description: 'with the gaps in your activity' },
      { flags: '--apply <file>', description: 'a document of assignments; -: stdin. All of it is applied, or nothing' },
      { flags: '--dry-run', description: 'with --apply: only count, and show what would change by stream' },
      { flags: '--create', description: 'with --apply: make streams that are named but not in streams[]' },
      { flags: '--by <who>', description: 'with --apply: who says it', choices: ['model', 'rule', 'user'], default: 'model' },
      { flags: '--undo', description: 'take back what was assigned last, by whomever' },
      JSON_OPTION,
    ],
    load: async () => (await import('./classify.ts')).classify,
  },
  {
    name: 'recompute',
    summary: 'Derive sessions, usage and times again; times of streams follow their assignments by themselves',
    options: [{ flags: '--force', description: 'accepted for scripts of the earlier tool; it is always everything' }, JSON_OPTION],
    load: async () => (await import('./recompute.ts')).recompute,
  },
  {
    name: 'context',
    summary: 'Print events, sessions, streams and gaps of a time as JSON; `tt export --events` and so on is the same',
    example: 'tt context --events --agents --start "4 hours ago"',
    options: [
      { flags: '--events', description: 'what happened, in order of time' },
      { flags: '--agents', description: 'sessions that overlap the time' },
      { flags: '--streams', description: 'streams that overlap the time' },
      { flags: '--gaps', description: 'when you were quiet' },
      ...RANGE_OPTIONS,
      JSON_OPTION,
    ],
    load: async () => (await import('./context.ts')).context,
  },
];
