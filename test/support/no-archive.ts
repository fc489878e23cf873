import type { ArchiveDesk } from '../../collector/archive/archive-desk.ts';

/** For tests that have nothing to do with the archive. */
export const noArchive: ArchiveDesk = {
  open: () => {
    throw new Error('no archive here');
  },
  audit: () => Promise.resolve(undefined), sendAgain: () => Promise.resolve(0), isServed: () => false, problem: () => null, onStored: () => {}, idle: () => Promise.resolve(),
};
