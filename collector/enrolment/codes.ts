/**
 * One-time codes that are out, in memory only: a restart voids them, which costs
 * a person one command and keeps secrets off the disk.
 */
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { ENROLMENT_CODE_LIFETIME_MS, ENROLMENT_CODE_TRIES } from '../../shared/limits.ts';
import { codeName, createEnrolmentCode } from '../../shared/protocol/enrolment.ts';
import type { PublicKey } from '../../shared/protocol/tokens.ts';

export const OUTSTANDING_CODES = 100;

export interface OutstandingCode {
  readonly code: string;
  readonly label: string;
  /** Wrong proofs that named this code. */
  wrongTries: number;
  /** Who used it: the same machine may ask again (its answer was lost), nobody else. */
  usedBy: { machineId: MachineId; publicKey: PublicKey } | null;
}

export interface EnrolmentCodes {
  /** Throws `too_many_codes`. */
  create(label: string): { code: string; expiresAtMs: number };
  /** Undefined once it expired, or after five wrong tries. */
  find(name: string): OutstandingCode | undefined;
}

export function createEnrolmentCodes(clock: Pick<Clock, 'now' | 'monotonic'>): EnrolmentCodes {
  const codes = new Map<string, OutstandingCode & { deadline: number }>();
  const sweep = (): void => {
    for (const [name, entry] of codes) {
      if (clock.monotonic() >= entry.deadline || entry.wrongTries >= ENROLMENT_CODE_TRIES) codes.delete(name);
    }
  };
  return {
    create(label) {
      sweep();
      // Used ones stay for machines whose answer was lost, and are no reason to stop a fleet at its hundredth machine.
      const unused = [...codes.values()].filter(({ usedBy }) => usedBy === null).length;
      if (unused >= OUTSTANDING_CODES) {
        throw new TtError('too_many_codes', `${unused} codes are waiting to be used`, {
          hint: 'wait until some expire (10 minutes)', exitCode: EXIT_CODES.failed, retryable: true,
        });
      }
      const code = createEnrolmentCode();
      const deadline = clock.monotonic() + ENROLMENT_CODE_LIFETIME_MS;
      codes.set(codeName(code), { code, label, wrongTries: 0, usedBy: null, deadline });
      return { code, expiresAtMs: clock.now() + ENROLMENT_CODE_LIFETIME_MS };
    },
    find(name) {
      sweep();
      return codes.get(name);
    },
  };
}
