import { describe, expect, it } from 'vitest';
import { isWished, parseRepositoryWish, type WishedPlace } from '../../../shared/session-file/repository-wish.ts';

const wished = (place: Partial<WishedPlace>, ...texts: string[]): boolean =>
  isWished({ cwd: '/home/me/src/shop/web', home: '/home/me', remotes: null, ...place }, texts.flatMap((text) => parseRepositoryWish(text) ?? []));

describe('a repository that somebody names', () => {
  it('is meant by its whole name, in whatever directory', () => {
    expect([wished({}, 'shop'), wished({}, 'web'), wished({}, 'sho'), wished({}, 'my-shop'), wished({ cwd: '/x/my-shop' }, 'shop')]).toEqual([true, true, false, false, false]);
    expect([wished({}, '*'), wished({}, 'other', 'shop'), wished({})]).toEqual([true, true, false]);
  });

  it('is meant by its remote, however that is spelled', () => {
    const remotes = ['git@github.com:me/shop.git'];
    for (const text of ['git@github.com:me/shop', 'https://github.com/me/shop.git', 'ssh://git@github.com:22/me/shop', 'github.com/me/shop']) {
      expect([wished({ remotes }, text), wished({ remotes: ['git@github.com:you/shop'] }, text), wished({ remotes: [] }, text)]).toEqual([true, false, false]);
    }
  });

  it('is known by the last word of its remote where the computer can not be looked at', () => {
    expect([wished({}, 'git@github.com:me/shop'), wished({ cwd: '/x/my-shop' }, 'git@github.com:me/shop')]).toEqual([true, false]);
  });

  it('is meant by a directory, below whichever home', () => {
    expect([wished({}, '/home/me/src/'), wished({}, '/home/me/sr'), wished({}, '~/src'), wished({ home: '/root' }, '~/src'), wished({ home: null }, '~/src')]).toEqual([true, false, true, false, false]);
  });

  it.each(['', ' shop', 'shop*', 'me/shop', '..', 'a\nb'])('is not meant by %j', (text) => {
    expect(parseRepositoryWish(text)).toBeUndefined();
  });
});
