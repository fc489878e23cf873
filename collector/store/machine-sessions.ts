/** How many sessions each machine has, and in which projects: as the view `active_sessions_by_machine` counts them. */
import type { Database } from './database.ts';

export interface MachineSessions {
  /** Not ended, with something done in the last half hour. */
  active: number;
  /** Not ended, and quiet for longer. */
  stale: number;
  closed: number;
  /** Epoch ms. */
  lastAtMs: number;
  /** Latest first. */
  projects: { project: string; lastAtMs: number }[];
}

const ACTIVE_MS = 30 * 60_000;

/** By machine ID, of machines that have sessions. */
export function readMachineSessions(database: Database, nowMs: number): Map<string, MachineSessions> {
  const counts = database.prepare<[number, number], Omit<MachineSessions, 'projects'> & { machineId: string }>(`
    SELECT s.machine_id AS machineId, sum(s.state <> 'ended' AND r.last_at >= ?) AS active,
      sum(s.state <> 'ended' AND r.last_at < ?) AS stale, sum(s.state = 'ended') AS closed, max(r.last_at) AS lastAtMs
    FROM session_row r JOIN session_key k ON k.session = r.session
    JOIN sessions s ON s.session_id = k.session_id AND s.agent_id = ''
    WHERE r.agent_id = '' AND s.machine_id IS NOT NULL GROUP BY s.machine_id`);
  const projects = database.prepare<[], { machineId: string; project: string; lastAtMs: number }>(`
    SELECT m.machine_id AS machineId, c.path AS project, max(r.last_at) AS lastAtMs
    FROM session_row r JOIN machine_key m ON m.machine = r.machine JOIN cwd_key c ON c.cwd = r.cwd
    WHERE r.agent_id = '' GROUP BY r.machine, r.cwd ORDER BY lastAtMs DESC, project`);
  const startMs = nowMs - ACTIVE_MS;
  const found = new Map<string, MachineSessions>(counts.all(startMs, startMs).map(({ machineId, ...rest }) => [machineId, { ...rest, projects: [] }]));
  for (const { machineId, ...project } of projects.all()) found.get(machineId)?.projects.push(project);
  return found;
}
