/** How a session is called on the page, with the way to its own. Everything here was said by another machine: only ever text. */
import { toPlainText } from '../../shared/plain-text.ts';
import type { SessionDocument } from '../../shared/session-documents.ts';
import { shortName } from '../../shared/session-words.ts';
import { sessionAddress } from './route.ts';

export type Named = Pick<SessionDocument, 'session' | 'session_id' | 'machine' | 'title' | 'project'>;

export function plain(text: string | null): string {
  return text === null ? '' : toPlainText(text).trim();
}

/** `/home/me/api` → `api`. */
export function projectName(project: string | null): string {
  return plain(project).split('/').findLast((part) => part !== '') ?? '';
}

export function titleOf(session: Named): string {
  return plain(session.title) || plain(shortName(session));
}

export function SessionName({ session }: { session: Named }) {
  const where = [plain(session.machine), projectName(session.project)].filter((words) => words !== '').join(' · ');
  return (
    <>
      <a href={sessionAddress(session)}>{titleOf(session)}</a>
      <span class="where" title={plain(session.project)}>{where}</span>
    </>
  );
}

/** Of what a person can see in a row. */
export function isMatch(filter: string, ...texts: readonly (string | null)[]): boolean {
  return filter === '' || texts.some((text) => plain(text).toLowerCase().includes(filter.toLowerCase()));
}
