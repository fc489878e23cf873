import { spawnSync } from 'node:child_process';
import { closeSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MachineArchive } from '../../../collector/archive/machine-archive.ts';
import { parseArchiveName, type ArchiveName } from '../../../shared/archive-name.ts';
import { ARCHIVE_PREVIOUS_FILES } from '../../../shared/limits.ts';
import { markOf } from '../../../shared/protocol/archive-mark.ts';
import { MACHINE } from '../../support/archive-stage.ts';

let home: string;
let archive: MachineArchive;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-archive-'));
  archive = new MachineArchive(join(home, 'archive'), MACHINE);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const nameOf = (text: string): ArchiveName => parseArchiveName(text)!;
const NAME = nameOf('-p/a.jsonl');
const place = (...parts: string[]): string => join(home, 'archive', MACHINE, 'projects', ...parts);

function markAfter(content: string): string {
  const bytes = Buffer.from(content);
  return markOf(bytes.length, (from, length) => bytes.subarray(from, from + length))!;
}

function append(name: ArchiveName, before: string, content: string, fresh = false): string {
  const bytes = Buffer.from(content);
  const appended = archive.append(name, {
    header: { seq: 1, name: name.name, from: before.length, bytes: bytes.length, mark: markAfter(before), mtime: 0, ...(fresh ? { fresh: true } : {}) }, bytes,
  });
  if (typeof appended === 'string') return appended;
  closeSync(appended.fd);
  return 'ok';
}

describe('names of archived files', () => {
  it.each([
    '', '/', '/etc/passwd', 'a.jsonl', '../a.jsonl', '-p/../a.jsonl', '-p/..', '-p/.', './a.jsonl', '-p//a.jsonl', '-p/a.jsonl/', '/-p/a.jsonl', '-p/a\0.jsonl',
    '-p/a\n.jsonl', String.raw`-p\a.jsonl`, '-p/a\u007f.jsonl', '-p/a.txt', '-p/.jsonl', '-p/.a.jsonl', '-p/a/b.jsonl', '-p/a/memory/b.jsonl', '-p/a/subagents',
    '-p/a/subagents/../../../x.jsonl', '-p/a/subagents/..', '-p/a/subagents//x', '-p/a/tool-results/x.before-20260105T100000Z', '-p/a.jsonl.before-20260105T100000Z',
    '-p/a/tool-results/x.txt.before-20260105T100000Z-3', `-p/${'a'.repeat(216)}.jsonl`, `${'p'.repeat(256)}/a.jsonl`, `-p/a/subagents/${'b/'.repeat(10)}x`, `-p/a/subagents/${'b'.repeat(255)}/${'c'.repeat(255)}/${'d'.repeat(250)}/${'e'.repeat(250)}/f`,
    '-p/\ufffd.jsonl', '-p/\ud800.jsonl',
  ])('are none: %j', (text) => {
    expect(parseArchiveName(text)).toBeUndefined();
  });

  it.each([
    ['-home-me/6f1c.jsonl', '6f1c', true], ['-home-me/agent-old.jsonl', 'agent-old', true], ['-p/a/subagents/agent-1.jsonl', 'a', false],
    ['-p/a/subagents/workflows/r1/agent-2.meta.json', 'a', false], ['-p/a/tool-results/é ü.txt', 'a', false], ['-p/a/workflows/wf_1.json', 'a', false],
  ])('are some: %s', (text, session, isTranscript) => {
    expect(parseArchiveName(text)).toMatchObject({ name: text, session, isTranscript });
  });
});

describe('the archive of one machine', () => {
  it('goes on only where it ends, and only behind the same bytes', () => {
    expect(append(NAME, '', 'one\n')).toBe('ok');
    expect(append(NAME, '', 'one\n')).toBe('differs');
    expect(append(NAME, 'on', 'two\n')).toBe('differs');
    expect(append(NAME, 'One\n', 'two\n')).toBe('differs');
    expect(append(NAME, 'one\n', 'two\n')).toBe('ok');
    expect(readFileSync(place('-p/a.jsonl'), 'utf8')).toBe('one\ntwo\n');
    expect(archive.held(NAME, 4)).toEqual({ size: 8, at: 4, mark: markAfter('one\n') });
    expect(archive.held(NAME, 100)).toEqual({ size: 8, at: 8, mark: markAfter('one\ntwo\n') });
    expect(archive.held(nameOf('-p/b.jsonl'), 100)).toEqual({ size: 0, at: 0, mark: markAfter('') });
  });

  it('puts what was there aside before a new content, up to a limit of contents', () => {
    for (let count = 0; count <= ARCHIVE_PREVIOUS_FILES; count += 1) expect(append(NAME, '', `${count}\n`, true)).toBe('ok');
    expect(append(NAME, '', 'one too many\n', true)).toBe('too_many_previous');
    const names = readdirSync(place('-p'));
    expect(names.length).toBe(ARCHIVE_PREVIOUS_FILES + 1);
    expect(names.filter((name) => name.endsWith('.jsonl'))).toEqual(['a.jsonl']);
    expect(new Set(names.map((name) => readFileSync(place('-p', name), 'utf8'))).size).toBe(ARCHIVE_PREVIOUS_FILES + 1);
  });

  it('renames a session’s file from project to project, and overwrites nothing by it', () => {
    append(NAME, '', 'one\n');
    archive.rename(NAME, nameOf('-q/b.jsonl'));
    expect(readdirSync(place())).toEqual(['-p']);
    archive.rename(NAME, nameOf('-q/a.jsonl'));
    expect([readdirSync(place('-p')), readFileSync(place('-q/a.jsonl'), 'utf8')]).toEqual([[], 'one\n']);
    append(NAME, '', 'another\n');
    archive.rename(NAME, nameOf('-q/a.jsonl'));
    expect([readFileSync(place('-p/a.jsonl'), 'utf8'), readFileSync(place('-q/a.jsonl'), 'utf8')]).toEqual(['another\n', 'one\n']);
  });

  describe('with something in it that tt did not make', () => {
    beforeEach(() => {
      mkdirSync(place('-p'), { recursive: true });
      mkdirSync(join(home, 'outside'));
      writeFileSync(join(home, 'outside', 'a.jsonl'), 'precious');
    });

    it.each([
      ['a link in place of the file', () => symlinkSync(join(home, 'outside', 'a.jsonl'), place('-p/a.jsonl'))],
      ['a link to nothing', () => symlinkSync(join(home, 'outside', 'new.jsonl'), place('-p/a.jsonl'))],
      ['a link in place of the project', () => {
        rmSync(place('-p'), { recursive: true });
        symlinkSync(join(home, 'outside'), place('-p'));
      }],
      ['a link in place of the machine', () => {
        rmSync(join(home, 'archive', MACHINE), { recursive: true });
        mkdirSync(join(home, 'elsewhere', 'projects', '-p'), { recursive: true });
        symlinkSync(join(home, 'elsewhere'), join(home, 'archive', MACHINE));
      }],
      ['a pipe', () => spawnSync('mkfifo', [place('-p/a.jsonl')])],
      ['a directory', () => mkdirSync(place('-p/a.jsonl'))],
      ['a file in place of the project', () => {
        rmSync(place('-p'), { recursive: true });
        writeFileSync(place('-p'), '');
      }],
    ])('refuses %s, whatever is asked for', (_what, make) => {
      make();
      expect(() => append(NAME, '', 'mine')).toThrow(/in the archive is a link|EISDIR/);
      expect(() => append(NAME, '', 'mine', true)).toThrow(/in the archive is a link|EISDIR/);
      expect(() => append(NAME, 'precious', 'mine')).toThrow(/in the archive is a link|EISDIR/);
      expect(() => archive.held(NAME, 10)).toThrow(/in the archive is a link/);
      expect(readdirSync(join(home, 'outside'))).toEqual(['a.jsonl']);
      expect(readFileSync(join(home, 'outside', 'a.jsonl'), 'utf8')).toBe('precious');
    });

    it('does not tell what a hard link to a file outside has, unless it is asked to go on behind it', () => {
      linkSync(join(home, 'outside', 'a.jsonl'), place('-p/a.jsonl'));
      expect(append(NAME, '', 'mine', true)).toBe('ok');
      expect(readFileSync(join(home, 'outside', 'a.jsonl'), 'utf8')).toBe('precious');
    });
  });
});
