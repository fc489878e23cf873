/**
 * Whether events that come now are kept, for `/readyz`. Anybody on this computer
 * may ask, so that it says what is wrong and nothing of what is stored or where.
 */
import { messageOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { Writer } from '../writer/writer.ts';

export interface NotReady {
  code: string;
  words: string;
}

export interface Readiness {
  /** None: it is ready. */
  reasons(): NotReady[];
  /** From now on it stops. */
  close(): void;
}

export interface ReadinessDeps {
  writer: Pick<Writer, 'problem' | 'failure'>;
  /** Throws where the database can not be read. */
  readDatabase(): unknown;
  log: Log;
}

const DISK_FULL: NotReady = { code: 'disk_full', words: 'the disk is full: agents keep what they have until there is room' };
const NOT_WRITTEN: NotReady = { code: 'not_written', words: 'the database can not be written: agents keep what they have; the log of the collector tells why' };
const NOT_READ: NotReady = { code: 'not_read', words: 'the database can not be read: tt doctor tells more' };
const STOPPING: NotReady = { code: 'stopping', words: 'the collector is stopping' };

export function createReadiness({ writer, readDatabase, log }: ReadinessDeps): Readiness {
  let hasFailed = false;
  let isStopping = false;
  writer.failure.catch(() => (hasFailed = true));
  const canRead = (): boolean => {
    try {
      readDatabase();
      return true;
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'not ready: the database can not be read');
      return false;
    }
  };
  return {
    reasons: () => (isStopping ? [STOPPING] : [
      ...(writer.problem?.code === DISK_FULL.code ? [DISK_FULL] : hasFailed || writer.problem !== null ? [NOT_WRITTEN] : []),
      ...(canRead() ? [] : [NOT_READ]),
    ]),
    close: () => void (isStopping = true),
  };
}
