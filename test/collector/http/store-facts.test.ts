import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readStoreFacts } from '../../../collector/http/store-facts.ts';
import { noteBackup } from '../../../collector/last-backup.ts';
import { noteCheck } from '../../../collector/last-check.ts';
import { resolvePaths, type Paths } from '../../../shared/paths.ts';
import { storeDocumentSchema, type StoreDocument } from '../../../shared/store-document.ts';

let home: string;
let paths: Paths;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-store-'));
  paths = resolvePaths({}, home);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const facts = (): StoreDocument => storeDocumentSchema.parse(readStoreFacts(paths, { nowMs: 5000, startedMs: 1000 }));

it('what nobody did yet is null, not a time', () => {
  expect(facts()).toMatchObject({ last_backup: null, last_check: null, as_of: '1970-01-01T00:00:05.000Z', started_at: '1970-01-01T00:00:01.000Z' });
});

it('tells of the last backup and the last check', () => {
  noteBackup(paths.lastBackupFile, { file: '/b.tt', atMs: 2000 });
  noteCheck(paths.lastCheckFile, { at: '1970-01-01T00:00:03.000Z', deep: true, problems: ['row 7 is missing'] });
  expect(facts()).toMatchObject({
    last_backup: { file: '/b.tt', at: '1970-01-01T00:00:02.000Z' }, last_check: { at: '1970-01-01T00:00:03.000Z', deep: true, problems: ['row 7 is missing'] },
  });
});

it('a note that can not be read is none', () => {
  noteCheck(paths.lastCheckFile, { at: 'x', deep: false, problems: [] });
  writeFileSync(paths.lastCheckFile, '{');
  expect(facts().last_check).toBeNull();
});
