/** The database in a few lines: how large, when it was saved and looked at last, and what runs. */
import type { MachineStatus } from '../../shared/status.ts';
import { agoWords, bytesWords, countWords, durationWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import type { StoreDocument } from '../../shared/store-document.ts';
import { useAnswer } from './answer.ts';
import { FoldingPanel } from './folding-panel.tsx';
import { plain } from './session-name.tsx';

const LEAST_MS = 30_000;
const MINUTE_MS = 60_000;
/** Older than this, a backup or a look is worth a colour. */
const OLD_MS = 8 * 86_400_000;

export function StorePanel({ machines, nowMs }: { machines: readonly Pick<MachineStatus, 'version' | 'ended_at'>[]; nowMs: number }) {
  return (
    <FoldingPanel id="store" title="Database">
      {() => <Facts machines={machines} nowMs={nowMs} />}
    </FoldingPanel>
  );
}

function Facts({ machines, nowMs }: { machines: readonly Pick<MachineStatus, 'version' | 'ended_at'>[]; nowMs: number }) {
  const { document, error } = useAnswer<StoreDocument>('/api/v1/store', String(Math.floor(nowMs / MINUTE_MS)), LEAST_MS);
  if (document === undefined) return error === undefined ? <p class="empty">{UNKNOWN}</p> : <p class="problem">{plain(error)}</p>;
  const { last_backup: backup, last_check: check } = document;
  const isOld = (at: string | undefined): boolean => at === undefined || nowMs - Date.parse(at) > OLD_MS;
  const facts: readonly (readonly [string, string, boolean])[] = [
    ['Size', `${bytesWords(document.bytes)}, log ${bytesWords(document.wal_bytes)}, ${document.free_bytes === null ? UNKNOWN : bytesWords(document.free_bytes)} free`, false],
    ['Last backup', backup === null ? 'none was made: tt collector backup FILE' : `${agoWords(backup.at, nowMs)}: ${backup.file}`, isOld(backup?.at)],
    ['Last check', check === null ? 'nobody has looked: tt doctor' : `${agoWords(check.at, nowMs)}: ${check.problems.length === 0 ? `sound${check.deep ? ', indexes too' : ''}` : check.problems.join('; ')}`, isOld(check?.at) || check?.problems.length !== 0],
    ['Versions', `collector ${document.version}, for ${durationWords(nowMs - Date.parse(document.started_at))}; schema ${document.database_schema}; ${agentWords(machines)}`, false],
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([term, words, isNote]) => <div key={term}><dt>{term}</dt><dd class={isNote ? 'note' : ''}>{plain(words)}</dd></div>)}
      </dl>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
    </>
  );
}

/** `agents 0.1.0, 2 with 0.0.9`: how many with each version, most first. */
export function agentWords(machines: readonly Pick<MachineStatus, 'version' | 'ended_at'>[]): string {
  const counts = new Map<string, number>();
  for (const { version, ended_at: ended } of machines) if (version !== null && ended === null) counts.set(version, (counts.get(version) ?? 0) + 1);
  const sorted = [...counts].toSorted(([, a], [, b]) => b - a);
  if (sorted.length === 0) return 'no agent has told its own';
  if (sorted.length === 1) return `${plural(sorted[0]?.[1] ?? 0, 'agent')} ${sorted[0]?.[0] ?? ''}`;
  return `agents ${sorted.map(([version, count]) => `${version} (${countWords(count)})`).join(', ')}`;
}
