/** Carries out `join`: counts wrong tries, stores the machine, signs the answer. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { parseMachineId } from '../../shared/ids.ts';
import { answerMac, enrolRequestSchema, type EnrolAnswer } from '../../shared/protocol/enrolment.ts';
import type { CollectorIdentity } from './collector-identity.ts';
import type { EnrolmentCodes } from './codes.ts';
import { decideEnrolment, type EnrolRefusal } from './enrol.ts';
import type { MachineRegistry } from './machine-registry.ts';

export type EnrolOutcome = { ok: true; answer: EnrolAnswer } | { ok: false; code: EnrolRefusal; hint: string };

export interface EnrolmentDesk {
  /** `body` is whatever the peer sent, parsed as JSON. Throws only when `machines.json` can not be written. */
  enrol(body: unknown): EnrolOutcome;
  /** Does it name a code that is out? Says nothing of whether it knows it. */
  isExpected(body: unknown): boolean;
}

export interface EnrolmentDeskDeps {
  identity: CollectorIdentity;
  registry: MachineRegistry;
  codes: EnrolmentCodes;
  clock: Pick<Clock, 'now'>;
}

export function createEnrolmentDesk({ identity, registry, codes, clock }: EnrolmentDeskDeps): EnrolmentDesk {
  return {
    isExpected(body) {
      const parsed = enrolRequestSchema.safeParse(body);
      return parsed.success && codes.find(parsed.data.code_name) !== undefined;
    },
    enrol(body) {
      const parsed = enrolRequestSchema.safeParse(body);
      if (!parsed.success) return { ok: false, code: 'malformed', hint: 'this is not a request of `tt-agent join`' };
      const request = parsed.data;
      const outstanding = codes.find(request.code_name);
      const labelHolder = outstanding && registry.byLabel(outstanding.label);
      const namedId = parseMachineId(request.machine_id);
      const known = namedId && registry.byId(namedId);
      const decision = decideEnrolment(request, { outstanding, labelHolder, known });
      if (!decision.ok) {
        if (outstanding && decision.code === 'code_wrong') outstanding.wrongTries += 1;
        return decision;
      }
      const { machineId, label, publicKey, joinedBy } = decision;
      // A repeat changes no more than the address: a machine revoked meanwhile does not come back by the same code.
      if (!decision.isRepeat) registry.enrol({ machineId, label, publicKey, joinedBy, nowMs: clock.now() });
      else if (joinedBy !== null) registry.moved(machineId, joinedBy);
      if (outstanding) outstanding.usedBy = { machineId, publicKey };
      const answer = {
        collector_id: identity.collectorId,
        public_key: identity.keys.publicKey,
        label: registry.byId(machineId)?.label ?? label,
        nonce: randomBytes(16).toString('hex'),
      };
      return { ok: true, answer: { ...answer, mac: answerMac(decision.code, answer, request) } };
    },
  };
}
