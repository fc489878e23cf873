/** Addresses of the page. The collector answers all of them with the page (PAGE_ADDRESSES in http/app.ts). */
import type { ReportGroup } from '../../shared/report-documents.ts';

export const REPORT_PERIODS = ['day', 'week', 'month'] as const;
export type ReportPeriodName = (typeof REPORT_PERIODS)[number];

/** The schemas themselves would be most of this page's weight. */
export const REPORT_GROUPS = ['stream', 'project', 'machine', 'day', 'session', 'tag'] as const satisfies readonly ReportGroup[];

export type Route =
  | { page: 'home' }
  | { page: 'session'; name: string }
  /** `agent`: of a subagent; `entry`: where to begin. */
  | { page: 'transcript'; name: string; agent: string | null; entry: string | null }
  | { page: 'search'; asked: Asked }
  | { page: 'machine'; name: string }
  /** `name`: what it shall be called; '' where that is still to be said. */
  | { page: 'add'; name: string }
  /** `date`: the first day, or null: the present one. */
  | { page: 'reports'; period: ReportPeriodName; date: string | null; by: ReportGroup };

/** What is searched, and where; '' is everywhere. */
export interface Asked {
  query: string;
  machine: string;
  project: string;
  role: string;
}

/** `/sessions/ID@machine`, the same with `/transcript`, `/search?query=…`, `/machines/LABEL`, `/add`, `/reports/week/2026-01-26/project`; what is none of these is the first page. */
export function routeOf(address: string): Route {
  const [path = '', search = ''] = address.split('?');
  const [first, name = '', date = '', by = ''] = path.split('/').slice(1).map(decoded);
  const parameters = new URLSearchParams(search);
  if (first === 'sessions' && name !== '' && date === 'transcript') return { page: 'transcript', name, agent: parameters.get('agent'), entry: parameters.get('entry') };
  if (first === 'sessions' && name !== '') return { page: 'session', name };
  const asked = (key: keyof Asked): string => parameters.get(key) ?? '';
  if (first === 'search') return { page: 'search', asked: { query: asked('query'), machine: asked('machine'), project: asked('project'), role: asked('role') } };
  if (first === 'machines' && name !== '') return { page: 'machine', name };
  if (first === 'add') return { page: 'add', name };
  if (first !== 'reports') return { page: 'home' };
  return {
    page: 'reports', period: REPORT_PERIODS.find((period) => period === name) ?? 'week',
    date: /^\d{4}-\d\d-\d\d$/.test(date) ? date : null, by: REPORT_GROUPS.find((group) => group === by) ?? 'stream',
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function machineAddress(label: string): string {
  return `/machines/${encodeURIComponent(label)}`;
}

/** Of the API. */
export function answerAddress(session: string): string {
  return `/api/v1/sessions/${encodeURIComponent(session)}`;
}

export function sessionAddress({ session }: { session: string }): string {
  return `/sessions/${encodeURIComponent(session)}`;
}

export function transcriptAddress(session: string, { agent = null, entry = null }: { agent?: string | null; entry?: string | null } = {}): string {
  return withParameters(`${sessionAddress({ session })}/transcript`, { agent: agent ?? '', entry: entry ?? '' });
}

/** Those that are ''  are left out. */
export function withParameters(address: string, parameters: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== '')).toString();
  return text === '' ? address : `${address}?${text}`;
}

export function reportAddress({ period, date, by }: { period: ReportPeriodName; date: string; by: ReportGroup }): string {
  return `/reports/${period}/${date}/${by}`;
}

export function presentAddress(): string {
  return location.pathname + location.search;
}

export function go(address: string): void {
  if (presentAddress() === address) return;
  history.pushState(HERE, '', address);
  window.dispatchEvent(new PopStateEvent('popstate'));
}

/** Says of a place in the history that the one before it is of this page, too. */
const HERE = { isFromHere: true };

/** The address as it is now, for what is typed: there is no way back to each letter. */
export function become(address: string): void {
  history.replaceState(history.state, '', address);
  window.dispatchEvent(new PopStateEvent('popstate'));
}

/** From a session to where it was opened, from anything else to the first page. False: it is that. */
export function goBack(): boolean {
  if (location.pathname === '/') return false;
  const state: unknown = history.state;
  const isFromHere = typeof state === 'object' && state !== null && 'isFromHere' in state;
  if (location.pathname.startsWith('/sessions/') && isFromHere) history.back();
  else go('/');
  return true;
}

/** Calls `onChange` with every address, until the returned function is called. Links of the page load nothing anew. */
export function followAddress(onChange: (address: string) => void): () => void {
  const changed = (): void => onChange(presentAddress());
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.origin !== location.origin || link.hasAttribute('download')) return;
    event.preventDefault();
    go(link.pathname + link.search);
    window.scrollTo(0, 0);
  };
  window.addEventListener('popstate', changed);
  document.addEventListener('click', click);
  return () => {
    window.removeEventListener('popstate', changed);
    document.removeEventListener('click', click);
  };
}
