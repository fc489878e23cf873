import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProjectRule } from '../../../agent/archive/project-rule.ts';
import { createProjectPaths } from '../../../agent/privacy/project-paths.ts';
import { createTextPolicy } from '../../../agent/privacy/texts.ts';

let top: string;
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'tt-paths-')));
  mkdirSync(join(top, 'real/secret'), { recursive: true });
  symlinkSync(join(top, 'real'), join(top, 'link'));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

describe('the rule of a directory', () => {
  it('is that of the longest path that holds it, whatever the order, whole components only', () => {
    const paths = createProjectPaths([['/a', 1], ['/a/b/', 2], ['/', 3], ['/a//x/../c', 4]]);
    expect(['/a', '/ab', '/a/b', '/a/b/c', '/a/bc', '/a/c/d', '/', '/a/b/'].map((path) => paths.ruleOf(path))).toEqual([1, 3, 2, 2, 1, 4, 3, 2]);
    expect(createProjectPaths([['/a', 1]]).ruleOf('/b')).toBeUndefined();
  });

  it('is found by the name of a link and by where it leads, also for what is made there later', () => {
    const paths = createProjectPaths([[join(top, 'link/secret'), 'secret'], [join(top, 'link/later/app'), 'later']]);
    for (const way of ['link', 'real']) {
      expect(paths.ruleOf(join(top, way, 'secret/src'))).toBe('secret');
      expect(paths.ruleOf(join(top, way, 'later/app'))).toBe('later');
      expect(paths.ruleOf(join(top, way, 'other'))).toBeUndefined();
    }
  });

  it('is the stricter one where two name one directory', () => {
    const [link, real] = [join(top, 'link'), join(top, 'real')];
    for (const [first, second] of [[link, real], [real, link]] as const) {
      const texts = createTextPolicy({ texts: 'full', projects: { [first]: { texts: 'full' }, [second]: { texts: 'none' } } });
      expect(texts.policyOf(join(real, 'secret'))).toBe('none');
      const rule = createProjectRule({ archive: true, texts: 'full', projects: { [first]: { archive: true }, [second]: { archive: false } } });
      expect(rule.allows([real])).toBe(false);
    }
  });
});
