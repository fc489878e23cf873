import { homedir, tmpdir, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { privateEnvironment } from './support/private-home.ts';

describe('a test run', () => {
  it('has a home that is not the user’s', () => {
    expect(homedir()).not.toBe(userInfo().homedir);
    expect(homedir().startsWith(tmpdir())).toBe(true);
  });

  it.each(Object.keys(privateEnvironment('')))('has a %s of its own', (name) => {
    const home = homedir().replace(/\/home$/, '');
    expect(process.env[name]).toBe(privateEnvironment(home)[name]);
  });

  it('knows nothing of the session it was started from', () => {
    expect(process.env['TMUX']).toBeUndefined();
    expect(Object.keys(process.env).filter((name) => name.startsWith('TT_'))).toEqual([]);
  });
});
