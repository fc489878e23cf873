/** Questions about whole files to one agent, while it is connected. */
import type { Clock } from '../../shared/clock.ts';
import type { AuditedFrame, AuditFrame } from '../../shared/protocol/frames.ts';

/** A hundred large files take a while to read. */
const ANSWER_MS = 10 * 60_000;

export interface Audits {
  /** Undefined: it went away, or does not answer. */
  ask(files: { name: string; size: number }[]): Promise<(string | null)[] | undefined>;
  answered(frame: AuditedFrame): void;
  close(): void;
}

export function createAudits(clock: Pick<Clock, 'after'>, send: (frame: AuditFrame) => void): Audits {
  const waiting = new Map<number, (hashes: (string | null)[] | undefined) => void>();
  let seq = 0;
  return {
    ask(files) {
      seq += 1;
      const asked = seq;
      return new Promise((resolve) => {
        const cancel = clock.after(ANSWER_MS, () => waiting.get(asked)?.(undefined));
        waiting.set(asked, (hashes) => {
          cancel();
          waiting.delete(asked);
          resolve(hashes?.length === files.length ? hashes : undefined);
        });
        send({ type: 'audit', seq: asked, files });
      });
    },
    answered: (frame) => waiting.get(frame.seq)?.(frame.hashes),
    close() {
      for (const resolve of [...waiting.values()]) resolve(undefined);
    },
  };
}
