import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeForgotten } from '../../../collector/archive/forgetting.ts';
import type { ArchiveSession } from '../../../collector/archive/machine-desk.ts';
import { measureArchive } from '../../../collector/archive/measure.ts';
import { findPrunable, prune } from '../../../collector/archive/pruning.ts';
import { ARCHIVE_CHUNK_BYTES, ARCHIVE_WINDOW_BYTES } from '../../../shared/limits.ts';
import { encodeChunk } from '../../../shared/protocol/chunk.ts';
import type { CollectorFrame } from '../../../shared/protocol/frames.ts';
import { hashBytes } from '../../../shared/protocol/positions.ts';
import { ArchiveStage, MACHINE } from '../../support/archive-stage.ts';

const EMPTY = hashBytes(Buffer.of());
let stage: ArchiveStage;
let session: ArchiveSession;
let answers: CollectorFrame[];
beforeEach(() => {
  stage = new ArchiveStage();
  answers = [];
  session = stage.desk.open(MACHINE, (frame) => answers.push(frame));
});
afterEach(() => stage[Symbol.dispose]());

function chunk(seq: number, name: string, bytes: string | Buffer, header: object = {}): Buffer {
  return encodeChunk({ seq, name, from: 0, mark: EMPTY, mtime: 0, ...header }, Buffer.from(bytes), { mayCompress: false });
}

async function answersTo(...frames: Buffer[]): Promise<CollectorFrame[]> {
  answers.length = 0;
  for (const frame of frames) expect(session.chunk(frame)).toBeUndefined();
  await stage.desk.idle();
  return answers;
}

describe('what an agent sends for the archive', () => {
  it('is answered in its order, one answer for each chunk, when it is on disk', async () => {
    expect(answers).toEqual([{ type: 'archive', on: true, chunk_bytes: ARCHIVE_CHUNK_BYTES, window_bytes: ARCHIVE_WINDOW_BYTES }]);
    expect(await answersTo(chunk(1, '-p/a.jsonl', 'a'), chunk(2, '-p/b.jsonl', 'b'), chunk(3, '-p/a.jsonl', 'a'))).toEqual([
      { type: 'archived', seq: 1 }, { type: 'archived', seq: 2 }, { type: 'archived', seq: 3, code: 'differs' },
    ]);
    expect(stage.archive()).toEqual({ '-p/a.jsonl': 'a', '-p/b.jsonl': 'b' });
  });

  it.each(['../../escape.jsonl', '/etc/cron.d/x.jsonl', '-p/../../../x.jsonl', '-p/a\0b.jsonl', '-p/a.jsonl.before-20260105T100000Z', 'x'])('is refused with the name %j', async (name) => {
    expect(await answersTo(chunk(1, name, 'bad'))).toEqual([{ type: 'archived', seq: 1, code: 'bad_name' }]);
    session.offer({ type: 'offer', seq: 2, files: [{ name, size: 1 }, { name: '-p/a.jsonl', size: 1, was: name }] });
    await stage.desk.idle();
    expect(answers.at(-1)).toEqual({ type: 'holdings', seq: 2, files: [{ code: 'bad_name' }, { size: 0, at: 0, mark: EMPTY }] });
    expect(stage.archive()).toEqual({});
  });

  it('ends the connection where it is no chunk, or holds more than a chunk may', () => {
    const header = (text: string, bytes: Buffer): Buffer => Buffer.concat([Buffer.from([2, text.length >> 8, text.length & 255]), Buffer.from(text), bytes]);
    const bomb = brotliCompressSync(Buffer.alloc(64 * 1024 * 1024), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
    const said = { seq: 1, name: '-p/a.jsonl', from: 0, mark: EMPTY, mtime: 0, bytes: ARCHIVE_CHUNK_BYTES, brotli: true };
    const frames = [
      Buffer.from([2]), Buffer.from([2, 255, 255, 1]), header('{}', Buffer.of()), header('nothing', Buffer.of()),
      header(JSON.stringify(said), bomb), header(JSON.stringify({ ...said, bytes: 64 * 1024 * 1024 }), bomb), header(JSON.stringify({ ...said, brotli: undefined }), Buffer.from('short')),
      header(JSON.stringify({ ...said, brotli: undefined, from: -1, bytes: 1 }), Buffer.from('x')),
    ];
    for (const frame of frames) expect(session.chunk(frame)).toMatch(/chunk/);
  });

  it('ends the connection where more comes than the window allows', () => {
    const frame = chunk(1, '-p/a.jsonl', Buffer.alloc(ARCHIVE_CHUNK_BYTES));
    const sent = Array.from({ length: 20 }, () => session.chunk(frame));
    expect(sent.slice(0, 15).every((broken) => broken === undefined)).toBe(true);
    expect(sent.at(-1)).toMatch(/window/);
    const offers = Array.from({ length: 9 }, (_each, index) => session.offer({ type: 'offer', seq: index + 1, files: [] }));
    expect(offers.at(-1)).toMatch(/offered/);
  });

  it('is not taken when nobody asked for it, or it was forgotten', async () => {
    stage.forgotten.add('secret');
    expect(await answersTo(chunk(1, '-p/secret.jsonl', 'x'), chunk(2, '-p/secret/subagents/agent-1.jsonl', 'x'))).toMatchObject([{ code: 'forgotten' }, { code: 'forgotten' }]);
    stage.on = false;
    expect(await answersTo(chunk(3, '-p/a.jsonl', 'x'))).toMatchObject([{ code: 'off' }]);
    expect(stage.archive()).toEqual({});
  });

  it('is answered to nobody when its connection is gone, and the next one asks what is there', async () => {
    session.chunk(chunk(1, '-p/a.jsonl', 'x'));
    session.close();
    answers.length = 0;
    await stage.desk.idle();
    expect(answers).toEqual([]);
  });
});

describe('questions about whole files', () => {
  it('are answered by a connected agent, and by nobody else', async () => {
    stage.write('-p/a.jsonl', 'one\n');
    stage.connect();
    await stage.settle();
    const asked = stage.desk.audit(MACHINE, [{ name: '-p/a.jsonl', size: 3 }, { name: '-p/a.jsonl', size: 5 }, { name: '../x', size: 1 }]);
    await stage.settle();
    expect(await asked).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), null, null]);
    const unanswered = stage.desk.audit(MACHINE, [{ name: '-p/a.jsonl', size: 3 }]);
    stage.cut();
    expect(await unanswered).toBeUndefined();
    expect(await stage.desk.audit(MACHINE, [])).toBeUndefined();
  });
});

describe('what lies in the archive', () => {
  const at = (name: string): string => join(stage.archiveDir, MACHINE, 'projects', name);
  const put = (name: string, content: string): void => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
  };

  it('is pruned of what is contained elsewhere or old, and of nothing that a file has now', async () => {
    put('-p/a.jsonl', 'one two three');
    put('-p/a.jsonl.before-20260105T100000Z', 'one two');
    put('-p/a.jsonl.before-20260105T100001Z', 'another');
    put('-p/gone.jsonl.before-20260105T100001Z', 'of a file that is gone');
    put('-q/a.jsonl', 'one');
    put('-r/a.jsonl', 'different');
    put('-q/b.jsonl', 'one two three');
    expect(await measureArchive(stage.archiveDir, MACHINE)).toEqual({ sessions: 2, files: 4, bytes: 38, previousFiles: 3, previousBytes: 36 });
    const found = await findPrunable(stage.archiveDir, MACHINE, { olderThanMs: 0 });
    expect(found.map(({ path, why }) => [path.slice(at('').length + 1), why].join(' ')).toSorted()).toEqual(['-p/a.jsonl.before-20260105T100000Z contained', '-q/a.jsonl moved']);
    const all = await findPrunable(stage.archiveDir, MACHINE, { olderThanMs: Number.MAX_SAFE_INTEGER });
    await prune(all);
    expect(Object.keys(stage.archive())).toEqual(['-p/a.jsonl', '-q/b.jsonl', '-r/a.jsonl']);
  });

  it('loses a forgotten session with its directory and previous contents, and nothing else', async () => {
    put('-p/a.jsonl', '1');
    put('-p/a.jsonl.before-20260105T100000Z', '2');
    put('-p/a/subagents/agent-1.jsonl', '3');
    put('-q/a.jsonl', '4');
    put('-p/ab.jsonl', '5');
    const removed = await removeForgotten(stage.archiveDir, async (_machine, names) => names.flatMap((name, index) => (name.endsWith('/a.jsonl') ? [index] : [])));
    expect([removed, stage.archive()]).toEqual([1, { '-p/ab.jsonl': '5' }]);
    expect(readFileSync(at('-p/ab.jsonl'), 'utf8')).toBe('5');
    expect(await removeForgotten(stage.archiveDir, async (_machine, names) => [...names.keys()])).toBe(1);
    expect(await measureArchive(stage.archiveDir, MACHINE)).toMatchObject({ files: 0 });
  });
});
