/** The status page: a sentence above all, and below it the page of the address. */
import { render, useEffect, useLayoutEffect, useRef, useState } from 'hono/jsx/dom';
import { needsWords } from '../../shared/session-words.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import { clockWords, verdictPartsOf, type Verdict } from '../../shared/status-words.ts';
import { AddMachine } from './add-machine.tsx';
import { createDrain, type Drain } from './drain.ts';
import { Help } from './help.tsx';
import { HomePage } from './home-page.tsx';
import { FILTER_ID, followKeys } from './keys.ts';
import { followStatus, INITIAL, stampOf, type LiveStatus } from './live-status.ts';
import { MachinePage } from './machine-page.tsx';
import { ReportPage } from './report-page.tsx';
import { followAddress, go, goBack, presentAddress, routeOf, type Route } from './route.ts';
import { SearchPage } from './search-page.tsx';
import { SessionPage } from './session-page.tsx';
import { TranscriptPage } from './transcript-page.tsx';
import './style.css';
import './pages.css';

const AGE_TICK_MS = 1000;
const PAGES = [['/', 'Now'], ['/search', 'Search'], ['/reports', 'Reports'], ['/add', 'Add a machine']] as const;

function isOf(address: string, { page }: Route): boolean {
  return (address === '/' && page === 'home') || address === `/${page}`;
}

function StatusPage() {
  const [live, setLive] = useState<LiveStatus>(INITIAL);
  const [nowMs, setNowMs] = useState(Date.now());
  const [address, setAddress] = useState(presentAddress());
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [filter, setFilter] = useState('');
  const drain = useRef<Drain>(createDrain());
  const received = useRef(0);
  useEffect(() => followStatus((next) => {
    drain.current?.see(next.status?.machines ?? [], Date.now());
    received.current = next.receivedAtMs ?? 0;
    setLive(next);
  }), []);
  useEffect(() => followAddress(setAddress), []);
  useEffect(() => {
    // What was just drawn has the right ages.
    const timer = setInterval(() => void (Date.now() - (received.current ?? 0) >= AGE_TICK_MS && setNowMs(Date.now())), AGE_TICK_MS);
    return () => clearInterval(timer);
  }, []);
  // Keys can come before the effects of the last drawing: they look at what is, not at what was drawn.
  const latestFilter = useRef(filter);
  latestFilter.current = filter;
  useEffect(() => followKeys({
    toggleHelp: () => setHelpOpen((isOpen) => !isOpen),
    go,
    back() {
      if (goBack()) return true;
      if (latestFilter.current === '') return false;
      setFilter('');
      return true;
    },
  }), []);

  // A message can come between two ticks: ages are never negative.
  const shownMs = Math.max(nowMs, live.receivedAtMs ?? 0);
  const verdict = wordsOf(live, shownMs);
  const waits = live.link === 'live' || live.link === 'resting' ? (live.waiting?.waiting.length ?? 0) : 0;
  useTitle(waits, verdict);

  const route = routeOf(address);
  const { status } = live;
  const hasMachines = status !== undefined && status.machines.length > 0;
  return (
    <>
      <header>
        <h1>
          <span role="status">{verdict.fleet}{waits > 0 && ` ${needsWords(waits)}`}</span> <span class="completeness">{verdict.completeness}</span>
        </h1>
        <nav aria-label="Pages">
          {PAGES.map(([address, words]) => <a key={address} href={address} aria-current={isOf(address, route) ? 'page' : undefined}>{words}</a>)}
        </nav>
        {route.page === 'home' && hasMachines && <Filter filter={filter} onChange={setFilter} />}
      </header>
      <main class={live.link === 'live' ? '' : 'stale'}>
        {route.page === 'session' && <SessionPage name={route.name} stamp={stampOf(live, shownMs)} nowMs={shownMs} />}
        {route.page === 'transcript' && <TranscriptPage route={route} stamp={`${live.newest} ${live.archived}`} nowMs={shownMs} />}
        {status && <Routed route={route} status={status} live={live} drain={drain.current ?? createDrain()} filter={filter} nowMs={shownMs} />}
      </main>
      {status && <footer>tt {status.version} · agents at port {status.ingest_port} · <button type="button" class="quiet-button" onClick={() => setHelpOpen(true)}>Keys: ?</button></footer>}
      <Help isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </>
  );
}

/** With no machine there is nothing else to see than how to add one. */
function Routed({ route, status, live, drain, filter, nowMs }: { route: Route; status: CollectorStatus; live: LiveStatus; drain: Drain; filter: string; nowMs: number }) {
  const stamp = stampOf(live, nowMs);
  if (route.page === 'machine') return <MachinePage name={route.name} status={status} stamp={stamp} archived={live.archived} drain={drain} nowMs={nowMs} />;
  if (route.page === 'search') return <SearchPage asked={route.asked} machines={status.machines} nowMs={nowMs} />;
  if (route.page === 'reports') return <ReportPage route={route} stamp={stamp} nowMs={nowMs} />;
  if (route.page === 'add' || (route.page === 'home' && status.machines.length === 0)) {
    return <AddMachine name={route.page === 'add' ? route.name : ''} status={status} stamp={stamp} nowMs={nowMs} />;
  }
  return route.page === 'home' ? <HomePage status={status} live={live} drain={drain} filter={filter} nowMs={nowMs} /> : null;
}

/** In a tab that is only glanced at: how many wait, and a mark on the icon. */
function useTitle(waits: number, { fleet }: Verdict): void {
  // Effects wait for a frame, and a tab that nobody sees has none.
  useLayoutEffect(() => {
    document.title = `${waits > 0 ? `(${waits}) ` : ''}tt · ${fleet}`;
    document.querySelector<HTMLLinkElement>('link[rel=icon]')?.setAttribute('href', waits > 0 ? '/icon-waiting.svg' : '/icon.svg');
  }, [waits, fleet]);
}

/** While the collector is away the last values stay, with their age. */
function wordsOf({ link, status, receivedAtMs }: LiveStatus, nowMs: number): Verdict {
  if (link === 'signed_out') return { fleet: 'This browser is signed out.', completeness: 'Run tt open for another link.' };
  if (link === 'lost') {
    const asOf = receivedAtMs === undefined ? '' : ` What is shown is as of ${clockWords(new Date(receivedAtMs).toISOString(), nowMs)}.`;
    return { fleet: 'The collector is away.', completeness: `Trying again.${asOf}` };
  }
  return status ? verdictPartsOf(status, nowMs) : { fleet: 'Connecting.', completeness: '' };
}

function Filter({ filter, onChange }: { filter: string; onChange(filter: string): void }) {
  const type = (event: Event): void => {
    if (event.target instanceof HTMLInputElement) onChange(event.target.value);
  };
  return (
    <p class="filter">
      <label for={FILTER_ID}>Filter</label> <input id={FILTER_ID} type="text" value={filter} onInput={type} autocomplete="off" spellcheck={false} />
      {filter !== '' && <button type="button" onClick={() => onChange('')}>Clear</button>}
    </p>
  );
}

const root = document.getElementById('page');
if (root) render(<StatusPage />, root);
