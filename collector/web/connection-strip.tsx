import type { ConnectionSpan } from '../../shared/machine-document.ts';
import { clockWords, durationWords, minuteWords } from '../../shared/status-words.ts';

const WIDTH = 960;
const HEIGHT = 28;
const HOUR_MS = 3_600_000;
/** Between the hours that are written below. */
const LABELLED_HOURS = 4;

const WORDS: Readonly<Record<ConnectionSpan['state'], string>> = { connected: 'connected', away: 'away', unknown: 'not known' };

interface StripProps {
  label: string;
  spans: readonly ConnectionSpan[];
  nowMs: number;
}

/** A day as a strip: full where the machine was connected, empty where it was away, hatched where nobody knows. */
export function ConnectionStrip({ label, spans, nowMs }: StripProps) {
  const [fromMs, toMs] = [Date.parse(spans[0]?.from ?? ''), Date.parse(spans.at(-1)?.to ?? '')];
  if (!(toMs > fromMs)) return null;
  const xOf = (ms: number): number => Math.round(((ms - fromMs) / (toMs - fromMs)) * WIDTH * 10) / 10;
  // Squeezed to a phone's width, letters would be unreadable.
  const isNarrow = matchMedia('(max-width: 40rem)').matches;
  return (
    <>
      <svg class="strip" viewBox={`0 0 ${WIDTH} ${HEIGHT + (isNarrow ? 0 : 16)}`} preserveAspectRatio={isNarrow ? 'none' : 'xMidYMid'} role="img" aria-label={summaryOf(label, spans)}>
        <defs>
          <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line x1="0" y1="0" x2="0" y2="6" class="hatching" />
          </pattern>
        </defs>
        {spans.map(({ from, to, state }) => (
          <rect key={from} class={`span ${state}`} x={xOf(Date.parse(from))} y="0" height={HEIGHT} width={Math.max(1, xOf(Date.parse(to)) - xOf(Date.parse(from)))}>
            <title>{`${WORDS[state]} ${clockWords(from, nowMs)} to ${clockWords(to, nowMs)}`}</title>
          </rect>
        ))}
        {!isNarrow && hoursBetween(fromMs, toMs).map((ms) => (
          <text key={String(ms)} class="hour" x={xOf(ms)} y={HEIGHT + 13} text-anchor="middle">{minuteWords(new Date(ms).toISOString(), ms)}</text>
        ))}
      </svg>
      <p class="quiet legend"><span class="sample connected" aria-hidden="true" /> connected <span class="sample away" aria-hidden="true" /> away <span class="sample unknown" aria-hidden="true" /> not known: the collector did not run, or it was not enrolled yet</p>
      <Absences spans={spans} nowMs={nowMs} />
    </>
  );
}

/** Full hours of local time, away from both ends. */
function hoursBetween(fromMs: number, toMs: number): number[] {
  const first = new Date(fromMs).setMinutes(0, 0, 0) + HOUR_MS;
  const hours = Array.from({ length: Math.max(0, Math.floor((toMs - first) / HOUR_MS) + 1) }, (_, index) => first + index * HOUR_MS);
  const margin = (toMs - fromMs) * 0.03;
  return hours.filter((ms) => new Date(ms).getHours() % LABELLED_HOURS === 0 && ms - fromMs > margin && toMs - ms > margin);
}

function summaryOf(label: string, spans: readonly ConnectionSpan[]): string {
  const sums = Object.entries(WORDS).map(([state, words]) => {
    const ms = spans.filter((span) => span.state === state).reduce((sum, { from, to }) => sum + Date.parse(to) - Date.parse(from), 0);
    return `${words} ${durationWords(ms)}`;
  });
  return `Connection of ${label} in the last 24 hours: ${sums.join(', ')}`;
}

const SHOWN = 8;

/** The same in words. */
function Absences({ spans, nowMs }: Omit<StripProps, 'label'>) {
  const away = spans.filter(({ state }) => state === 'away').toReversed();
  if (away.length === 0) return null;
  return (
    <details>
      <summary>{away.length === 1 ? 'Away once' : `Away ${away.length} times`}</summary>
      <ul>
        {away.slice(0, SHOWN).map(({ from, to }) => <li key={from}>{clockWords(from, nowMs)} to {clockWords(to, nowMs)}, {durationWords(Date.parse(to) - Date.parse(from))}</li>)}
        {away.length > SHOWN && <li key="more">and {away.length - SHOWN} before</li>}
      </ul>
    </details>
  );
}
