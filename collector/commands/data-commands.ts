/** The commands about the data as a whole: what is missing in it. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

const LIST_OPTIONS = [{ flags: '--machine <label>', description: 'of this machine only' }, JSON_OPTION];

export const DATA_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'gaps',
    summary: 'List the bytes declared lost: of which machine and file, when, and why',
    options: LIST_OPTIONS,
    load: async () => (await import('./gaps.ts')).listGaps,
  },
  {
    name: 'gaps list',
    summary: 'List them',
    options: LIST_OPTIONS,
    load: async () => (await import('./gaps.ts')).listGaps,
  },
  {
    name: 'gaps accept',
    summary: 'Say that a loss is known: periods that it overlaps are no longer incomplete for it',
    example: 'tt gaps accept --machine devbox',
    arguments: [{ syntax: '[id...]', description: 'IDs of `tt gaps`' }],
    options: [
      { flags: '--machine <label>', description: 'all of this machine' },
      { flags: '--all', description: 'all there are' },
      { flags: '--undo', description: 'take the acceptance back' },
      JSON_OPTION,
    ],
    load: async () => (await import('./gaps.ts')).acceptGaps,
  },
];
