/** Every command of `tt-agent`. A module is loaded only when its command is called. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';
import { SHELLS } from '../../shared/completion.ts';
import { EXIT_CODES } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { LOG_OPTION } from '../../shared/rotating-file.ts';
import { serviceCommands } from '../../shared/service/commands.ts';
import type { ServiceProgram } from '../../shared/service/service.ts';
import { requireUplink } from '../uplink-file.ts';
import type { Processes } from '../processes.ts';

/** What a word means that only groups commands. */
export const AGENT_GROUPS: Readonly<Record<string, string>> = { ingest: 'Note one thing in the event log (for hooks)' };

const PANE_OPTIONS = [
  { flags: '--pane <id>', description: 'tmux pane, e.g. %3', required: true },
  { flags: '--cwd <path>', description: 'directory of the pane', required: true },
  { flags: '--session <name>', description: 'tmux session', required: true },
  { flags: '--window <index>', description: 'index of the tmux window' },
];

const INGEST_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'ingest pane-focus',
    summary: 'Note that a tmux pane has the focus (for hooks)',
    example: 'tt-agent ingest pane-focus --pane %3 --cwd /home/me/shop --session dev',
    options: PANE_OPTIONS,
    load: async () => (await import('./ingest.ts')).ingestPaneFocus,
  },
  {
    name: 'ingest scroll',
    summary: 'Note that someone scrolls in a tmux pane (for hooks)',
    example: 'tt-agent ingest scroll --pane %3 --cwd /home/me/shop --session dev',
    options: PANE_OPTIONS,
    load: async () => (await import('./ingest.ts')).ingestScroll,
  },
  {
    name: 'ingest afk',
    summary: 'Note that the person went away, or is back',
    example: 'tt-agent ingest afk --status idle --idle-ms 300000',
    options: [
      { flags: '--status <status>', description: 'idle or active', choices: ['idle', 'active'], required: true },
      { flags: '--idle-ms <ms>', description: 'how long it was idle' },
    ],
    load: async () => (await import('./ingest.ts')).ingestAfk,
  },
  {
    name: 'ingest window-focus',
    summary: 'Note that a window has the focus',
    example: 'tt-agent ingest window-focus --app firefox --title "Pull request"',
    options: [
      { flags: '--app <id>', description: 'the application', required: true },
      { flags: '--title <title>', description: 'title of the window', required: true },
    ],
    load: async () => (await import('./ingest.ts')).ingestWindowFocus,
  },
];

const PRINTING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'export',
    summary: 'Print every event of this machine, one JSON object a line',
    example: 'tt-agent export --since 2026-01-01T00:00:00Z',
    options: [
      { flags: '--after <id>', description: 'only what comes behind this event' },
      { flags: '--since <time>', description: 'only events from this RFC 3339 time on' },
    ],
    load: async () => (await import('./export.ts')).exportEvents,
  },
  {
    name: 'preview',
    summary: 'Print the events and states that would leave this machine, after the text policy',
    example: 'tt-agent preview --last 50',
    options: [{ flags: '--last <n>', description: 'how many of the newest', default: '20' }],
    load: async () => (await import('./preview.ts')).preview,
  },
];

const SERVICE: ServiceProgram = {
  name: 'tt-agent', words: 'tt-agent', arguments: ['run'], logName: 'agent.log', finalStatus: EXIT_CODES.unauthorised,
  check: ({ environment, home }) => void requireUplink(resolvePaths(environment, home).uplinkFile),
};

const HEALTH_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'status',
    summary: 'Show what the agent has sent, what waits, and what is wrong',
    example: 'tt-agent status --json',
    options: [
      { flags: '--strict', description: 'exit 4 when it is not running, not connected or has a problem' },
      JSON_OPTION,
    ],
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'look',
    summary: 'Have the running agent look at every file and try its collector now, instead of within half a minute',
    example: 'tt-agent look',
    load: async () => (await import('./look.ts')).look,
  },
  {
    name: 'doctor',
    summary: 'Look for what is wrong on this machine, and say what to do; exits 4 when something is',
    example: 'tt-agent doctor --json',
    options: [
      { flags: '--probe', description: 'instead, send a line through file, agent, wire, database and page, and time each hop' },
      JSON_OPTION,
    ],
    load: async () => {
      const { doctor } = await import('./doctor.ts');
      return (parsed, io) => doctor(parsed, io, SERVICE);
    },
  },
];

export function agentCommands(processes: () => Processes): readonly CommandSpec[] {
  return [
    {
      name: 'init',
      summary: 'Give this machine an identity, or show the one it has',
      example: 'tt-agent init --label devbox',
      options: [
        { flags: '--label <label>', description: 'what to call it: lower case letters, digits, - and _' },
        { flags: '--new-identity', description: 'of a copied machine: set the copied identity aside and be a machine of its own' },
      ],
      load: async () => {
        const { init } = await import('./init.ts');
        return (parsed, io) => init(parsed, io, processes());
      },
    },
    {
      name: 'join',
      summary: 'Enrol this machine at a collector, with a code of `tt machines add LABEL`',
      example: 'tt-agent join http://127.0.0.1:7071 --code -',
      arguments: [{ syntax: '<url>', description: 'http(s)://HOST:PORT or tt+unix:///PATH' }],
      options: [
        { flags: '--code <code>', description: 'the one-time code; - reads it from stdin', required: true },
        { flags: '--label <label>', description: 'name to wish for; the label the code was made for wins' },
        { flags: '--replace', description: 'leave the collector that this machine joined before' },
      ],
      load: async () => (await import('./join.ts')).join,
    },
    {
      name: 'run',
      summary: 'Watch and send in the foreground until SIGTERM or SIGINT; a second one ends it at once',
      example: 'tt-agent run',
      options: [LOG_OPTION],
      load: async () => {
        const { runAgent } = await import('./run.ts');
        return (parsed, io) => runAgent(parsed, io, processes());
      },
    },
    {
      name: 'drain',
      summary: 'Send what is there, once, by stdin and stdout, and end: what tt sync runs on a machine where nothing is installed',
      example: 'tt-agent drain',
      load: async () => {
        const { drain } = await import('./drain.ts');
        return (parsed, io) => drain(parsed, io, processes());
      },
    },
    {
      name: 'receive',
      summary: 'Take a session of another machine from stdin, if the configuration allows it: what tt sessions push runs here',
      example: 'tt-agent receive',
      load: async () => {
        const { receive } = await import('./receive.ts');
        return (parsed, io) => receive(parsed, io, processes());
      },
    },
    ...HEALTH_COMMANDS,
    {
      name: 'forget',
      summary: 'Release what is kept of a deleted log, or of all below a directory; tells what is lost by it',
      example: 'tt-agent forget ~/.claude/projects/-home-me-shop',
      arguments: [{ syntax: '<path>', description: 'where the log was' }],
      options: [JSON_OPTION],
      load: async () => {
        const { forget } = await import('./forget.ts');
        return (parsed, io) => forget(parsed, io, processes());
      },
    },
    ...serviceCommands('', SERVICE),
    ...INGEST_COMMANDS,
    ...PRINTING_COMMANDS,
    completionCommand(() => agentCommands(processes)),
  ];
}

function completionCommand(commands: () => readonly CommandSpec[]): CommandSpec {
  return {
    name: 'completion',
    summary: 'Print what a shell needs to complete commands and options',
    example: 'tt-agent completion bash > ~/.local/share/bash-completion/completions/tt-agent',
    arguments: [{ syntax: '<shell>', description: 'the shell', choices: SHELLS }],
    load: async () => {
      const { completion } = await import('./completion.ts');
      return (parsed, io) => completion(parsed, io, { name: 'tt-agent', commands: commands(), groups: AGENT_GROUPS });
    },
  };
}
