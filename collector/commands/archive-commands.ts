/** The commands about the files of sessions that are kept here. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

const LABEL = { syntax: '<label>', description: 'label of the machine, as `tt machines` prints it' };
const MACHINE = { flags: '--machine <label>', description: 'of this machine only' };

export const ARCHIVE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'archive',
    summary: 'Keep the session files of machines here, byte for byte, also when they are deleted there; without a word: how far that is',
    example: 'tt archive',
    options: [JSON_OPTION],
    load: async () => (await import('./archive.ts')).archiveStatus,
  },
  {
    name: 'archive on',
    summary: 'Ask a machine for its session files; `archive = true` in its config.toml must allow it',
    example: 'tt archive on devbox',
    arguments: [LABEL],
    options: [JSON_OPTION],
    load: async () => (await import('./archive.ts')).archiveOn,
  },
  {
    name: 'archive off',
    summary: 'Take no more of them; what is archived stays',
    example: 'tt archive off devbox',
    arguments: [LABEL],
    options: [JSON_OPTION],
    load: async () => (await import('./archive.ts')).archiveOff,
  },
  {
    name: 'archive status',
    summary: 'What is archived of each machine, what waits, and what stays there',
    example: 'tt archive status --json',
    options: [JSON_OPTION],
    load: async () => (await import('./archive.ts')).archiveStatus,
  },
  {
    name: 'archive verify',
    summary: 'Compare what is archived with what connected machines have, whole files; exits 4 when something differs',
    example: 'tt archive verify --machine devbox',
    options: [MACHINE, { flags: '--repair', description: 'have what differs sent again; what is here is kept beside it' }, JSON_OPTION],
    load: async () => (await import('./archive-verify.ts')).archiveVerify,
  },
  {
    name: 'archive prune',
    summary: 'Remove previous contents of files that were written anew, and doubles of sessions that moved',
    example: 'tt archive prune --dry-run',
    options: [
      MACHINE,
      { flags: '--older-than <days>', description: 'previous contents that were put aside so long ago; 30 unless given' },
      { flags: '--dry-run', description: 'only list them' },
      JSON_OPTION,
    ],
    load: async () => (await import('./archive-prune.ts')).archivePrune,
  },
];
