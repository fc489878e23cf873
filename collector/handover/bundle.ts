/** One session's files as they are handed over: what they are first, then their bytes. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { TtError } from '../../shared/errors.ts';
import { HANDED_BYTES, HANDED_FILES, HANDOVER_SCHEMA, type HandoverRequest } from '../../shared/protocol/handover.ts';
import { placeOf, repositoryRoot } from '../../shared/session-file/git-place.ts';
import { sessionDirectory } from '../../shared/session-file/session-directory.ts';
import { fileAt, sidecarsOf, type SessionFile } from '../session-files/session-files.ts';

export interface Bundle {
  request: Omit<HandoverRequest, 'action' | 'to' | 'is_own'>;
  /** Bytes of all files. */
  bytes: number;
  /** The files as they were when they were summed; an error where one was written anew since. */
  content(): Readable;
}

interface SummedFile {
  name: string;
  path: string;
  bytes: number;
  sha256: string;
}

const READ_BYTES = 256 * 1024;

/** `machine`: what it is called; `isHere`: it is this computer, whose home this is, so that its repositories can be looked at. */
export function openBundle(file: SessionFile, { machine, home, isHere }: { machine: string; home: string; isHere: boolean }): Bundle {
  const transcript = fileAt(file.path);
  if (!transcript) throw new TtError('file_missing', `${file.path} is not there any more`, { hint: 'run it again' });
  const found = new Map([[`${file.sessionId}.jsonl`, transcript], ...sidecarsOf(file)]);
  const total = [...found.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  if (found.size > HANDED_FILES || total > HANDED_BYTES) throw new TtError('too_large', `session ${file.sessionId} has ${found.size} files`, { hint: `more than ${HANDED_FILES} files or ${HANDED_BYTES / 1024 ** 3} GiB are not handed over` });
  const files = [...found].map(([name, { path, bytes }]) => ({ name, path, bytes, sha256: sumOf(path, bytes) }));
  const cwd = sessionDirectory(file.path, file.project);
  const root = isHere && cwd !== null ? repositoryRoot(cwd) : undefined;
  return {
    bytes: total,
    request: {
      schema: HANDOVER_SCHEMA, session: file.sessionId,
      from: {
        machine, cwd,
        home: isHere ? home : cwd === null ? null : homeIn(cwd),
        repository: root === undefined ? null : { root, remotes: [...placeOf(root).remotes] },
      },
      files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    },
    content: () => Readable.from(contentOf(files), { objectMode: false }),
  };
}

/** Of a machine that can not be asked: where systems put homes. */
export function homeIn(cwd: string): string | null {
  const [home] = /^(?:\/home\/[^/]+|\/Users\/[^/]+|\/root|\/var\/home\/[^/]+)(?=\/|$)/.exec(cwd) ?? [];
  return home ?? null;
}

function* contentOf(files: readonly SummedFile[]): Generator<Buffer> {
  for (const { path, bytes } of files) yield* bytesOf(path, bytes);
}

function sumOf(path: string, bytes: number): string {
  const hash = createHash('sha256');
  for (const chunk of bytesOf(path, bytes)) hash.update(chunk);
  return hash.digest('hex');
}

function* bytesOf(path: string, bytes: number): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    if (fstatSync(fd).size < bytes) throw shorter(path);
    for (let at = 0; at < bytes;) {
      const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - at));
      const read = readSync(fd, chunk, 0, chunk.length, at);
      if (read === 0) throw shorter(path);
      yield chunk.subarray(0, read);
      at += read;
    }
  } finally {
    closeSync(fd);
  }
}

function shorter(path: string): TtError {
  return new TtError('file_changed', `${path} became shorter while it was read`, { hint: 'run it again', retryable: true });
}
