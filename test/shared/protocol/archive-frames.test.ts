import { expect, it } from 'vitest';
import { ARCHIVE_OFFER_FILES } from '../../../shared/limits.ts';
import { decodeAgentFrame, decodeCollectorFrame } from '../../../shared/protocol/codec.ts';
import { hashBytes } from '../../../shared/protocol/positions.ts';

const MARK = hashBytes(Buffer.of());
const FILE = { name: '-p/a.jsonl', size: 1 };
const HELD = { size: 1, at: 1, mark: MARK };
const many = <T>(value: T, count: number): T[] => Array.from({ length: count }, () => value);

it.each<[string, object]>([
  ['an offer', { type: 'offer', seq: 1, files: many(FILE, ARCHIVE_OFFER_FILES) }],
  ['hashes', { type: 'audited', seq: 1, hashes: many(MARK, ARCHIVE_OFFER_FILES) }],
])('the collector takes %s of an agent', (_what, frame) => {
  expect(decodeAgentFrame(JSON.stringify(frame)).ok).toBe(true);
});

it.each<[string, object]>([
  ['more files than it asked for', { type: 'offer', seq: 1, files: many(FILE, ARCHIVE_OFFER_FILES + 1) }],
  ['10,000 files', { type: 'offer', seq: 1, files: many(FILE, 10_000) }],
  ['a name without end', { type: 'offer', seq: 1, files: [{ ...FILE, name: `-p/${'a'.repeat(100_000)}.jsonl` }] }],
  ['an earlier name without end', { type: 'offer', seq: 1, files: [{ ...FILE, was: 'a'.repeat(100_000) }] }],
  ['a name that is none', { type: 'offer', seq: 1, files: [{ ...FILE, name: ['-p/a.jsonl'] }] }],
  ['a size below nothing', { type: 'offer', seq: 1, files: [{ ...FILE, size: -1 }] }],
  ['a size that no file has', { type: 'offer', seq: 1, files: [{ ...FILE, size: 2 ** 60 }] }],
  ['10,000 hashes', { type: 'audited', seq: 1, hashes: many(MARK, 10_000) }],
  ['hashes that are none', { type: 'audited', seq: 1, hashes: ['x'.repeat(10_000)] }],
])('the collector refuses %s', (_what, frame) => {
  expect(decodeAgentFrame(JSON.stringify(frame)).ok).toBe(false);
});

it.each<[string, object]>([
  ['a wish', { type: 'archive', on: true, chunk_bytes: 1, window_bytes: 1 }],
  ['what is held', { type: 'holdings', seq: 1, files: many(HELD, ARCHIVE_OFFER_FILES) }],
  ['a question', { type: 'audit', seq: 1, files: many(FILE, ARCHIVE_OFFER_FILES) }],
])('an agent takes %s of the collector', (_what, frame) => {
  expect(decodeCollectorFrame(JSON.stringify(frame)).ok).toBe(true);
});

it.each<[string, object]>([
  ['chunks of nothing', { type: 'archive', on: true, chunk_bytes: 0, window_bytes: 1 }],
  ['a window of less than nothing', { type: 'archive', on: true, chunk_bytes: 1, window_bytes: -1 }],
  ['10,000 answers', { type: 'holdings', seq: 1, files: many(HELD, 10_000) }],
  ['a size below nothing', { type: 'holdings', seq: 1, files: [{ ...HELD, size: -1 }] }],
  ['a mark that is none', { type: 'holdings', seq: 1, files: [{ ...HELD, mark: 'x'.repeat(10_000) }] }],
  ['a refusal nobody knows', { type: 'archived', seq: 1, code: 'because' }],
  ['a question about 10,000 files', { type: 'audit', seq: 1, files: many(FILE, 10_000) }],
  ['a question about a name without end', { type: 'audit', seq: 1, files: [{ ...FILE, name: 'a'.repeat(100_000) }] }],
])('an agent refuses %s', (_what, frame) => {
  expect(decodeCollectorFrame(JSON.stringify(frame)).ok).toBe(false);
});
