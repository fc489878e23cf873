import { describe, expect, it } from 'vitest';
import { cutText, toTextTable } from '../../../collector/commands/text-table.ts';

/** Columns, by hand: what is tested must not measure itself. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]|\p{Emoji_Presentation}/u;
const columnsOf = (line: string): number => Array.from(line.normalize('NFC')).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);

const rows = [['ID', 'TITLE', 'PROJECT', 'N'], ['a', 'A title that is rather long', '/home/me/projects/shop', '12'], ['b', 'Short', '/x', '3']];
const widest = (text: string): number => Math.max(...text.split('\n').map(columnsOf));

describe('a table', () => {
  it('is as wide as its texts where nothing says otherwise', () => {
    expect(toTextTable(rows, new Set([3]))).toBe([
      'ID  TITLE                        PROJECT                  N', 'a   A title that is rather long  /home/me/projects/shop  12', 'b   Short                        /x                       3', '',
    ].join('\n'));
  });

  it.each([[60, false], [50, true], [40, true]])('fits %d columns', (columns, isCut) => {
    const text = toTextTable(rows, new Set([3]), { columns, shrink: [1, 2] });
    expect(widest(text)).toBeLessThanOrEqual(columns);
    expect(text.includes('…')).toBe(isCut);
    expect(text).toContain('12\n');
  });

  it('cuts the first that gives way before the next, and none to nothing', () => {
    expect(toTextTable(rows, new Set([3]), { columns: 52, shrink: [1, 2] })).toContain('/home/me/projects/shop');
    const narrow = toTextTable(rows, new Set([3]), { columns: 5, shrink: [1, 2] });
    expect(narrow).toContain('A title…');
    expect(narrow).toContain('/home/m…');
  });

  it('leaves columns out before it cuts the others to little', () => {
    const fit = { columns: 44, shrink: [1, 2], drop: [2, 0], tails: new Set([2]) };
    expect(toTextTable(rows, new Set([3]), fit).split('\n')[1]).toBe('a   A title that is rather long  12');
    expect(toTextTable(rows, new Set([3]), { ...fit, columns: 60 }).split('\n')[0]).toContain('PROJECT');
  });

  it('cuts a path at its start', () => {
    expect(toTextTable(rows, new Set([3]), { columns: 48, shrink: [2], tails: new Set([2]) })).toMatch(/ …jects\/shop {2}12/);
  });

  it('does not cut a character in two', () => {
    expect(cutText('ab🙂cd', 4)).toBe('ab…');
    expect(cutText('ab🙂', 4)).toBe('ab🙂');
    expect(cutText('cafe\u0301s', 4)).toBe('caf…');
    expect(cutText('cafe\u0301', 4)).toBe('cafe\u0301');
  });

  it('measures in columns of the terminal: an ideograph or an emoji takes two', () => {
    const wide = [['ID', 'TITLE', 'N'], ['a', '修正登录页面的错误', '12'], ['b', '🚀 ship', '3'], ['c', 'plain', '4']];
    const lines = toTextTable(wide, new Set([2])).trimEnd().split('\n');
    expect(lines.map(columnsOf)).toEqual([26, 26, 26, 26]);
    expect(toTextTable(wide, new Set([2]), { columns: 16, shrink: [1] }).trimEnd().split('\n').map(columnsOf)).toEqual([16, 16, 16, 16]);
    expect(toTextTable([['路径'], ['/家/用户/项目/商店']], new Set(), { columns: 9, shrink: [0], tails: new Set([0]) })).toBe('路径\n…目/商店\n');
    expect(cutText('修正登录', 6)).toBe('修正…');
  });
});
