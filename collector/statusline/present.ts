/** The status line as it is now: a function over the store and the status of the machines. */
import type { MachineStatus } from '../../shared/status.ts';
import { startOfLocalDay } from '../local-day.ts';
import { activeSessions, spentBy, toDocument, type SessionsDeps } from '../sessions/session-list.ts';
import { fleetLine, sessionLine } from './line.ts';
import type { Statusline } from './statusline-file.ts';

export function presentStatusline(deps: SessionsDeps, machines: readonly MachineStatus[]): Statusline {
  const { fleet, usage, prices } = deps;
  const { nowMs } = fleet;
  const active = [...activeSessions(deps)];
  const count = (state: string): number => active.filter(({ now }) => now.state === state).length;
  const spent = spentBy(usage.sums('model', { fromMs: startOfLocalDay(nowMs), toMs: nowMs + 1 }), prices);
  return {
    writtenAtMs: nowMs,
    line: fleetLine({ waiting: count('waiting'), working: count('working'), machines, spent, nowMs }),
    sessions: new Map(active.map(({ stored, now }) => [stored.sessionId, sessionLine(toDocument(stored, now, deps), nowMs)])),
  };
}
