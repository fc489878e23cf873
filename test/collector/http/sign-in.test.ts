import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSignIn, SESSION_LIFETIME_MS, type SignIn } from '../../../collector/http/sign-in.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let folder: string;
let file: string;
let clock: ManualClock;
const open = (): SignIn => openSignIn(file, { clock, log: silentLog });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-sign-in-'));
  file = join(folder, 'state', 'page-sessions.json');
  clock = new ManualClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function signedIn(signIn: SignIn): string {
  const cookie = signIn.redeem(signIn.createToken());
  expect(cookie).toBeDefined();
  return cookie ?? '';
}

it('a restart signs nobody out, and nobody in', () => {
  const first = open();
  const cookie = signedIn(first);
  const openLink = first.createToken();
  const second = open();
  expect(second.isSignedIn(cookie)).toBe(true);
  expect(second.redeem(openLink)).toBeUndefined();
});

it('the file is private and holds no cookie', () => {
  const cookie = signedIn(open());
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).not.toContain(cookie);
});

it('what stands in the file is no cookie', () => {
  const signIn = open();
  signedIn(signIn);
  const { sessions } = JSON.parse(readFileSync(file, 'utf8')) as { sessions: { hash: string }[] };
  expect(sessions.map(({ hash }) => signIn.isSignedIn(hash))).toEqual([false]);
});

it('a sign-in ends', () => {
  const signIn = open();
  const cookie = signedIn(signIn);
  clock.advance(SESSION_LIFETIME_MS - 1);
  expect(signIn.isSignedIn(cookie)).toBe(true);
  clock.advance(1);
  expect(signIn.isSignedIn(cookie)).toBe(false);
});

it('a hundred browsers are kept, then the oldest goes', () => {
  const signIn = open();
  const cookies = Array.from({ length: 101 }, () => signedIn(signIn));
  expect(cookies.map((cookie) => signIn.isSignedIn(cookie)).indexOf(true)).toBe(1);
});

it('a damaged file signs everybody out and is replaced at the next sign-in', () => {
  const cookie = signedIn(open());
  writeFileSync(file, '{"version":');
  const signIn = open();
  expect(signIn.isSignedIn(cookie)).toBe(false);
  const another = signedIn(signIn);
  expect(open().isSignedIn(another)).toBe(true);
});
