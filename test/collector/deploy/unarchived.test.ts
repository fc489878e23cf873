import { describe, expect, it } from 'vitest';
import type { ArchiveRow } from '../../../shared/archive-document.ts';
import { unarchivedWords } from '../../../collector/deploy/unarchived.ts';

type Agent = NonNullable<ArchiveRow['agent']>;
const AGENT: Agent = {
  as_of: '2026-01-05T12:00:00.000Z', state: 'on', files: 10, bytes: 1000, waiting_files: 0, waiting_bytes: 0, withheld_sessions: 0, skipped_files: 0, problem: null,
};
const rowOf = (agent: Partial<Agent> | null, on = true): ArchiveRow => ({
  machine_id: '11111111-1111-4111-8111-111111111111', label: 'devbox', on, ended_at: null, connected: true,
  agent: agent === null ? null : { ...AGENT, ...agent }, older_agent: false, problem: null,
});

describe('session files that are only at a machine', () => {
  it('are none where all are archived', () => {
    expect(unarchivedWords(rowOf({}), 'me@devbox')).toBeUndefined();
  });

  it.each<[string, ArchiveRow | undefined, RegExp]>([
    ['is no machine of ours', undefined, /only there.*Copy \.claude\/projects first if the machine goes$/],
    ['has no archive', rowOf({}, false), /only there.*tt archive on devbox$/],
    ['does not allow one', rowOf({ state: 'not_allowed' }), /only there.*tt archive on devbox$/],
    ['has said nothing yet', rowOf(null), /only there/],
    ['waits for some', rowOf({ waiting_files: 3 }), /of them 3 files only there\. Look first: tt archive$/],
    ['does not know yet', rowOf({ waiting_files: null }), /not known how many files only there/],
    ['withholds some', rowOf({ withheld_sessions: 1, skipped_files: 2 }), /of them 1 session, 2 skipped files only there/],
    ['can not', rowOf({ problem: 'the disk here is full' }), /perhaps some only there \(the disk here is full\)/],
  ])('are told of where the archive %s', (_what, row, words) => {
    expect(unarchivedWords(row, 'me@devbox')).toMatch(words);
  });
});
