/** Is the agent running, does the collector answer, and do the clocks agree? */
import * as z from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import { judgeClock } from '../../shared/doctor/clock-offset.ts';
import { messageOf } from '../../shared/errors.ts';
import { parseEndpoint } from '../../shared/protocol/endpoint.ts';
import type { AgentStatus } from '../../shared/status.ts';
import type { HttpClient } from '../uplink/http-client.ts';

export interface Answer {
  collectorId: string;
  /** This machine's clock minus the collector's. */
  offsetMs: number;
  /** By how much that can be wrong: half of the time the answer took. */
  errorMs: number;
}

export interface ReachFacts {
  endpoint: string;
  collectorId: string;
  answer: Answer | { problem: string };
  isFromTunnel: boolean;
}

const challengeSchema = z.looseObject({ collector_id: z.string(), now: z.number() });

/** Asks for a challenge, which changes nothing and needs no key. */
export async function readReach(
  { url, collectorId, isFromTunnel }: { url: string; collectorId: string; isFromTunnel: boolean }, http: HttpClient, clock: Pick<Clock, 'now'>,
): Promise<ReachFacts> {
  const facts = { endpoint: url, collectorId, isFromTunnel };
  try {
    const startMs = clock.now();
    const { body } = await http.send(parseEndpoint(url), { method: 'GET', path: '/challenge' });
    const endMs = clock.now();
    const challenge = challengeSchema.parse(body);
    return { ...facts, answer: { collectorId: challenge.collector_id, offsetMs: Math.round((startMs + endMs) / 2 - challenge.now), errorMs: Math.ceil((endMs - startMs) / 2) } };
  } catch (error) {
    return { ...facts, answer: { problem: messageOf(error) } };
  }
}

export function judgeReach({ endpoint, collectorId, answer, isFromTunnel }: ReachFacts): Check[] {
  const way = isFromTunnel ? `${endpoint} (the tunnel)` : endpoint;
  if ('problem' in answer) {
    return [fail('collector', `nothing answers at ${way}: ${answer.problem}`, isFromTunnel
      ? 'on the laptop: tt tunnel status; tt collector run if it does not run'
      : 'is the collector running (tt status on the laptop), and can this machine reach it? A machine that can not: tt tunnel add LABEL HOST on the laptop')];
  }
  if (answer.collectorId !== collectorId) {
    return [fail('collector', `another collector (${answer.collectorId}) answers at ${way}`, 'if that is meant: tt machines add LABEL there, then tt-agent join URL --code CODE --replace here')];
  }
  return [ok('collector', `answers at ${way}`), ...judgeClock(answer.offsetMs, answer.errorMs)];
}

export function judgeRunning(status: Pick<AgentStatus, 'running' | 'connected' | 'as_of' | 'version'>, programVersion: string): Check[] {
  if (!status.running) {
    return [fail('agent', status.as_of === null ? 'the agent never ran here' : `the agent does not run (last ${status.as_of})`, 'tt-agent install, or tt-agent run')];
  }
  if (!status.connected) return [warn('agent', 'the agent runs and is not connected; what happens waits in its files', 'the check "collector" tells why; it tries again by itself')];
  if (status.version !== programVersion) {
    return [warn('version', `the agent that runs is ${status.version}, this program ${programVersion}`, 'restart the agent: tt-agent install')];
  }
  return [ok('agent', `running and connected, version ${status.version}`)];
}
