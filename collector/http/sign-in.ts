/**
 * Who may see the page: whoever has a one-time link from `tt open`, which only
 * the owner of the control socket can ask for. The link becomes a cookie.
 *
 * Only hashes of the cookies are kept, in a 0600 file, so that a restart signs
 * nobody out and the file lets nobody in. Limit: browsers send a cookie to every
 * port of a host, so another web server on this machine that is opened in the
 * same browser can see it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';

export const SESSION_COOKIE = 'tt_session';
export const LINK_LIFETIME_MS = 10 * 60_000;
/** Browsers keep no cookie longer than 400 days; this long after the last sign-in the page asks again. */
export const SESSION_LIFETIME_MS = 90 * 24 * 60 * 60_000;
const OPEN_LINKS = 100;
const OPEN_SESSIONS = 100;
const SECRET_BYTES = 32;

export interface SignIn {
  /** Token of a link that works once, for ten minutes. */
  createToken(): string;
  /** The cookie's value for a token that still works; durable when it returns. */
  redeem(token: string): string | undefined;
  isSignedIn(cookie: string): boolean;
}

// Loose: keys of a later version stay readable.
const fileSchema = z.looseObject({
  version: z.literal(1),
  sessions: z.array(z.looseObject({ hash: z.string(), signed_in_at: z.number() })),
});

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const createSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

/** A damaged file signs everybody out: they ask for another link. */
export function openSignIn(file: string, { clock, log }: { clock: Pick<Clock, 'now'>; log: Log }): SignIn {
  // Looked up by hash: how long a comparison takes tells nothing about a secret.
  const sessions = readSessions(file, log);
  const links = new Map<string, number>();
  const isOpen = (hash: string): boolean => {
    const signedInAt = sessions.get(hash);
    return signedInAt !== undefined && clock.now() - signedInAt < SESSION_LIFETIME_MS;
  };
  const save = (): void => {
    const rows = [...sessions].map(([hash, signed_in_at]) => ({ hash, signed_in_at }));
    makePrivateDirectory(dirname(file));
    writeFileAtomic(file, `${JSON.stringify({ version: 1, sessions: rows })}\n`);
  };
  return {
    createToken() {
      const token = createSecret();
      links.set(hashOf(token), clock.now());
      dropOldest(links, OPEN_LINKS);
      return token;
    },
    redeem(token) {
      const hash = hashOf(token);
      const createdAt = links.get(hash);
      links.delete(hash);
      if (createdAt === undefined || clock.now() - createdAt > LINK_LIFETIME_MS) return undefined;
      const secret = createSecret();
      for (const known of [...sessions.keys()]) if (!isOpen(known)) sessions.delete(known);
      sessions.set(hashOf(secret), clock.now());
      dropOldest(sessions, OPEN_SESSIONS);
      save();
      return secret;
    },
    isSignedIn: (cookie) => isOpen(hashOf(cookie)),
  };
}

function readSessions(file: string, log: Log): Map<string, number> {
  try {
    const text = readFileIfExists(file);
    if (text === undefined) return new Map();
    return new Map(fileSchema.parse(JSON.parse(text)).sessions.map((row) => [row.hash, row.signed_in_at]));
  } catch (error) {
    log.warn({ file, error: messageOf(error) }, 'sign-ins can not be read; run `tt open` for another link');
    return new Map();
  }
}

/** Maps keep the order of insertion: the first is the oldest. */
function dropOldest(map: Map<string, number>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}
