/** The commands that read, and those that feed the database by hand. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

export const READING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'status',
    summary: 'How the machines are, and how far the data is complete; works with the collector stopped',
    example: 'tt status --watch',
    options: [
      JSON_OPTION,
      { flags: '--watch', description: 'again and again until Ctrl-C' },
      { flags: '--check', description: 'say only what is missing, late, lost or refused, and exit 4 if anything is' },
      { flags: '--strict', description: 'the same as --check' },
    ],
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'events',
    summary: 'Print events: the newest 50, or with --json all, one JSON object per line',
    example: 'tt events --machine devbox --since "2 hours ago" --json',
    options: [
      { flags: '--machine <label>', description: 'of this machine (label or ID)', repeatable: true },
      { flags: '--type <type>', description: 'of this type, e.g. user_message', repeatable: true },
      { flags: '--session <id>', description: 'of this session' },
      { flags: '--since <time>', description: 'from here on: 2026-01-31T14:00:00Z, 2026-01-31, today, "2 hours ago"' },
      { flags: '--until <time>', description: 'before this' },
      { flags: '--limit <n>', description: 'the newest n' },
      { flags: '--json', description: 'one JSON object per line, as it came over the wire' },
      { flags: '--follow', description: 'and go on with what arrives, until Ctrl-C' },
    ],
    load: async () => (await import('./events.ts')).events,
  },
  {
    name: 'import',
    summary: 'Import events: JSON lines of an export, or the database of the earlier tool',
    example: 'tt import --legacy ~/.local/share/tt/tt.db',
    arguments: [{ syntax: '[file]', description: 'JSON lines; none or -: stdin' }],
    options: [
      { flags: '--legacy <file>', description: 'tt.db of the earlier tool (schema 8 or 9); it is only read' },
      JSON_OPTION,
    ],
    load: async () => (await import('./import.ts')).importEvents,
  },
  {
    name: 'open',
    summary: 'Open the page in the browser, signed in',
    example: 'tt open --print',
    options: [{ flags: '--print', description: 'only print the link' }, JSON_OPTION],
    load: async () => (await import('./open.ts')).openInBrowser,
  },
];
