/** Addresses of the page. The collector answers all of them with the page (PAGE_ADDRESSES in http/app.ts). */
import type { ReportGroup } from '../../shared/report-documents.ts';

export const REPORT_PERIODS = ['day', 'week', 'month'] as const;
export type ReportPeriodName = (typeof REPORT_PERIODS)[number];

/** The schemas themselves would be most of this page's weight. */
export const REPORT_GROUPS = ['stream', 'project', 'machine', 'day', 'session', 'tag'] as const satisfies readonly ReportGroup[];

export type Route =
  | { page: 'home' }
  | { page: 'session'; name: string }
  | { page: 'machine'; name: string }
  /** `name`: what it shall be called; '' where that is still to be said. */
  | { page: 'add'; name: string }
  /** `date`: the first day, or null: the present one. */
  | { page: 'reports'; period: ReportPeriodName; date: string | null; by: ReportGroup };

/** `/sessions/ID@machine`, `/machines/LABEL`, `/add`, `/reports/week/2026-01-26/project`; what is none of these is the first page. */
export function routeOf(address: string): Route {
  const [first, name = '', date = '', by = ''] = address.split('/').slice(1).map(decoded);
  if (first === 'sessions' && name !== '') return { page: 'session', name };
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

export function reportAddress({ period, date, by }: { period: ReportPeriodName; date: string; by: ReportGroup }): string {
  return `/reports/${period}/${date}/${by}`;
}

export function go(address: string): void {
  if (location.pathname === address) return;
  history.pushState(null, '', address);
  window.dispatchEvent(new PopStateEvent('popstate'));
}

/** Calls `onChange` with every address, until the returned function is called. Links of the page load nothing anew. */
export function followAddress(onChange: (address: string) => void): () => void {
  const changed = (): void => onChange(location.pathname);
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.origin !== location.origin || link.hasAttribute('download')) return;
    event.preventDefault();
    go(link.pathname);
    window.scrollTo(0, 0);
  };
  window.addEventListener('popstate', changed);
  document.addEventListener('click', click);
  return () => {
    window.removeEventListener('popstate', changed);
    document.removeEventListener('click', click);
  };
}
