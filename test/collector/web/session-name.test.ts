import { expect, it } from 'vitest';
import { sessionAddress } from '../../../collector/web/route.ts';
import { isMatch, plain, projectName, titleOf } from '../../../collector/web/session-name.tsx';

const named = { session: '6f1c2a90-0000-4000-8000-000000000001@devbox', session_id: '6f1c2a90-0000-4000-8000-000000000001', machine: 'devbox', title: null, project: null };

it('a session without a title is called by its short name, one of blanks and invisible characters too', () => {
  expect(titleOf(named)).toBe('6f1c2a90@devbox');
  expect(titleOf({ ...named, title: ' \u202E\u001b ' })).toBe('6f1c2a90@devbox');
  expect(titleOf({ ...named, title: 'Fix it' })).toBe('Fix it');
});

it('keeps nothing that turns text around or draws', () => {
  expect(plain('a\u202Eb\u0007c\nd')).toBe('a b c d');
  expect(plain(null)).toBe('');
});

it.each([[null, ''], ['/', ''], ['/home/me/api', 'api'], ['/home/me/api/', 'api']])('the project of %s is %j', (directory, name) => {
  expect(projectName(directory)).toBe(name);
});

it('an address holds any name', () => {
  expect(sessionAddress({ session: 'a/b?c#d@e' })).toBe('/sessions/a%2Fb%3Fc%23d%40e');
});

it('a filter looks for what can be seen, in any case', () => {
  expect(isMatch('', null)).toBe(true);
  expect(isMatch('FIX', null, 'Please fix it')).toBe(true);
  expect(isMatch('fix', 'other', null)).toBe(false);
});
