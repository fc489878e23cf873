/** The status page: a verdict, and a table of machines under it. */
import { render, useEffect, useState } from 'hono/jsx/dom';
import { clockWords, verdictPartsOf, type Verdict } from '../../shared/status-words.ts';
import { followStatus, INITIAL, type LiveStatus } from './live-status.ts';
import { MachinesTable } from './machines-table.tsx';
import './style.css';

const AGE_TICK_MS = 1000;
const ADD_COMMAND = 'tt machines add LABEL';

function StatusPage() {
  const [live, setLive] = useState<LiveStatus>(INITIAL);
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => followStatus(setLive), []);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), AGE_TICK_MS);
    return () => clearInterval(timer);
  }, []);

  // A message can come between two ticks: ages are never negative.
  const shownMs = Math.max(nowMs, live.receivedAtMs ?? 0);
  const verdict = wordsOf(live, shownMs);
  useEffect(() => {
    document.title = `${verdict.fleet} ${verdict.completeness}`.trim();
  }, [verdict.fleet, verdict.completeness]);

  const { status } = live;
  return (
    <main class={live.link === 'live' ? '' : 'stale'}>
      <h1>
        <span role="status">{verdict.fleet}</span> <span class="completeness">{verdict.completeness}</span>
      </h1>
      {status && status.machines.length > 0 && <MachinesTable machines={status.machines} nowMs={shownMs} />}
      {status && status.machines.length === 0 && <FirstMachine />}
      {status && <footer>tt {status.version} · agents at port {status.ingest_port} · <code>tt status</code> says the same in a terminal</footer>}
    </main>
  );
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

function FirstMachine() {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(ADD_COMMAND).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <section class="first">
      <p>On this machine run</p>
      <p><code>{ADD_COMMAND}</code> <button type="button" onClick={copy}>{isCopied ? 'Copied' : 'Copy'}</button></p>
      <p>with a name for LABEL. It prints the one command to run on the machine that shall be added; its row appears here.</p>
    </section>
  );
}

const root = document.getElementById('page');
if (root) render(<StatusPage />, root);
