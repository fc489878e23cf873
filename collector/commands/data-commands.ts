/** The commands about the data as a whole: what is missing in it, and what shall not be in it. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';
import { FORGET_SCOPES } from '../store/tombstones.ts';

const LIST_OPTIONS = [{ flags: '--machine <label>', description: 'of this machine only' }, JSON_OPTION];

export const DATA_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'gaps',
    summary: 'List the bytes declared lost: of which machine and file, when, and why',
    example: 'tt gaps',
    options: LIST_OPTIONS,
    load: async () => (await import('./gaps.ts')).listGaps,
  },
  {
    name: 'gaps list',
    summary: 'List them',
    example: 'tt gaps list --machine devbox',
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
  {
    name: 'forget',
    summary: 'Remove for good what was collected of a session, a project or a machine, and keep it out from now on',
    example: 'tt forget ~/work/secret-project --dry-run',
    arguments: [{ syntax: '[name]', description: 'ID of a session or its first characters, path of a directory, or label of a machine' }],
    options: [
      { flags: '--as <scope>', description: 'what the name is, where it could be more than one thing', choices: FORGET_SCOPES },
      { flags: '--dry-run', description: 'only count' },
      { flags: '--yes', description: 'do not ask' },
      { flags: '--list', description: 'show what was forgotten' },
      { flags: '--undo', description: 'let it in again; what was removed comes back only by `tt machines rewind`' },
      { flags: '--compact', description: 'only write the database file anew, without what was removed' },
      JSON_OPTION,
    ],
    load: async () => (await import('./forget.ts')).forget,
  },
];
