/** How far a machine's archive is, in the words of the terminal and of the page. */
import type { ArchivedMachine } from './archive-document.ts';
import { bytesWords, plural, UNKNOWN } from './status-words.ts';

export function archiveStateWords({ on, agent, older_agent: isOlder, connected }: ArchivedMachine): string {
  if (!on) return 'off';
  if (isOlder) return 'older agent';
  if (agent?.state === 'not_allowed') return 'not allowed there';
  return connected === true ? 'on' : 'on, away';
}

export function archiveWaitingWords({ on, agent }: ArchivedMachine): string {
  if (!on || agent === null || agent.waiting_files === null || agent.waiting_bytes === null) return UNKNOWN;
  return agent.waiting_files === 0 ? 'nothing' : `${plural(agent.waiting_files, 'file')}, ${bytesWords(agent.waiting_bytes)}`;
}

/** What keeps it from being all, and what to do about that. */
export function archiveNotes({ on, agent, problem, label, older_agent: isOlder, previous_files: previous, previous_bytes: previousBytes }: ArchivedMachine): string[] {
  return [
    ...(problem === null ? [] : [problem]),
    ...(agent === null || agent.problem === null ? [] : [agent.problem]),
    ...(on && isOlder ? [`tt deploy brings ${label} up to date`] : []),
    ...(on && agent?.state === 'not_allowed' ? ['there: archive = true in config.toml, then restart its agent'] : []),
    ...(!on || agent === null || agent.withheld_sessions === 0 ? [] : [withheldWords(agent.withheld_sessions)]),
    ...(!on || agent === null || agent.skipped_files === 0 ? [] : [`${plural(agent.skipped_files, 'file')} left out: links, too large, or refused`]),
    ...(previous === 0 ? [] : [`${plural(previous, 'previous content')}, ${bytesWords(previousBytes)}: tt archive prune`]),
  ];
}

export function withheldWords(sessions: number): string {
  return sessions === 1
    ? '1 session stays there, as `texts` or `archive` of its project says'
    : `${plural(sessions, 'session')} stay there, as \`texts\` or \`archive\` of their projects say`;
}
