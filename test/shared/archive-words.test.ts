import { expect, it } from 'vitest';
import { archiveNotes, archiveStateWords, archiveWaitingWords } from '../../shared/archive-words.ts';
import type { ArchivedMachine } from '../../shared/archive-document.ts';

const AGENT = { as_of: '2026-01-05T12:00:00.000Z', state: 'on', files: 3, bytes: 30, waiting_files: 0, waiting_bytes: 0, withheld_sessions: 0, skipped_files: 0, problem: null } as const;
const MACHINE: ArchivedMachine = {
  machine_id: 'm', label: 'devbox', on: true, ended_at: null, connected: true, agent: AGENT, older_agent: false, problem: null,
  sessions: 2, files: 3, bytes: 30, previous_files: 0, previous_bytes: 0,
};

it('an archive that is whole has nothing to tell', () => {
  expect([archiveStateWords(MACHINE), archiveWaitingWords(MACHINE), archiveNotes(MACHINE)]).toEqual(['on', 'nothing', []]);
});

it('of one that is off only what lies here is told', () => {
  expect(archiveNotes({ ...MACHINE, on: false, agent: { ...AGENT, withheld_sessions: 1, skipped_files: 1 } })).toEqual([]);
});

it.each<[string, Partial<ArchivedMachine>, string]>([
  ['one session is kept there', { agent: { ...AGENT, withheld_sessions: 1 } }, '1 session stays there, as `texts` or `archive` of its project says'],
  ['some are kept there', { agent: { ...AGENT, withheld_sessions: 2 } }, '2 sessions stay there, as `texts` or `archive` of their projects say'],
  ['its owner has not allowed it', { agent: { ...AGENT, state: 'not_allowed' } }, 'there: archive = true in config.toml, then restart its agent'],
  ['there are previous contents', { previous_files: 1, previous_bytes: 2000 }, '1 previous content, 2 kB: tt archive prune'],
])('says what keeps it from being all, and what to do: %s', (_what, more, note) => {
  expect(archiveNotes({ ...MACHINE, ...more })).toEqual([note]);
});
