import { describe, expect, it } from 'vitest';
import { cutText } from '../../../collector/streams/cut-text.ts';
import { createProposer, projectNameOf } from '../../../collector/streams/propose.ts';

const streamsAt = (...pairs: [path: string, streamId: string][]) => createProposer(pairs.map(([path, streamId]) => ({ path, streamId })));

describe('a directory', () => {
  it.each([
    ['/home/b/x', 'other_home'], ['/Users/b/x', 'other_home'], ['/root/x', 'other_home'], ['/workspaces/x', 'other_home'], ['/var/home/b/x', 'other_home'],
    ['/home/a/x', 'directory'], ['/home/a/x/', 'directory'], ['/home/a/x/.claude/worktrees/fix-login', 'directory'], ['/home/b/x/.worktrees/one', 'other_home'], ['/home/b/x-worktrees/fix', 'other_home'], ['/home/a/x-worktrees/fix', 'directory'],
  ])('%s is proposed the stream of /home/a/x, as %s', (path, by) => {
    expect(streamsAt(['/home/a/x', 'X'])(path)).toEqual({ streamId: 'X', by });
  });

  it.each(['/home/b/xy', '/home/b/y/x', '/srv/x', '/home/b', '/home/a', '/', '/workspaces', '/home/b/X', '/home/b/-worktrees/x', '/home/b/x-worktrees'])('%s is not', (path) => {
    expect(streamsAt(['/home/a/x', 'X'])(path)).toBeUndefined();
  });

  it('of a codespace is compared by the name of its checkout, which stands elsewhere at home', () => {
    expect(streamsAt(['/Users/u/projects/product', 'P'])('/workspaces/product')).toEqual({ streamId: 'P', by: 'checkout_name' });
    expect(streamsAt(['/workspaces/product', 'P'])('/Users/u/projects/product')).toEqual({ streamId: 'P', by: 'checkout_name' });
    expect(streamsAt(['/Users/u/projects/my-product', 'P'])('/workspaces/product')).toBeUndefined();
    expect(streamsAt(['/Users/u/projects/product', 'P'], ['/Users/u/old/product', 'Q'])('/workspaces/product')).toBeUndefined();
  });

  it('that two streams share is proposed to nobody, whatever other homes say', () => {
    const propose = streamsAt(['/home/a/x', 'X'], ['/home/a/x', 'Y'], ['/home/b/x', 'X']);
    expect(propose('/home/a/x')).toBeUndefined();
    expect(propose('/home/c/x')).toBeUndefined();
    expect(propose('/home/b/x')).toEqual({ streamId: 'X', by: 'directory' });
  });

  it('names its project by its last word, a checkout called after its branch by the word before', () => {
    expect(['/home/a/web', '/home/a/web/main', '/main', '/', '/home/a/web/.claude/worktrees/x'].map(projectNameOf)).toEqual(['web', 'web', 'main', 'unknown', 'web']);
  });
});

describe('a text that is cut', () => {
  it('has whole characters only, wherever the limit falls', () => {
    for (let bytes = 0; bytes < 12; bytes++) expect(cutText('é🙂x日本', bytes)).toMatch(/^(é(🙂(x(日(本)?)?)?)?)?(\.\.\.)?$/u);
    expect(cutText('é🙂x日本', 13)).toBe('é🙂x日本');
    expect(cutText('plain', 3)).toBe('pla...');
  });
});
