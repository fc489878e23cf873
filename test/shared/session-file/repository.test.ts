import { describe, expect, it } from 'vitest';
import { isProjectDirectoryOf, projectDirectoryName } from '../../../shared/session-file/project-directory.ts';
import { findPlace, moved, remoteKey, type Place, type Wanted } from '../../../shared/session-file/repository.ts';

const repository = (directory: string, ...remotes: string[]): Place => ({ directory, isRepository: true, remotes });
const here = { home: '/home/me', exists: () => true };
const wanted = (cwd: string, more: Partial<Wanted> = {}): Wanted => ({ cwd, home: '/Users/u', repository: null, ...more });

describe('the directory of a project’s sessions', () => {
  it('is named as the CLI names it', () => {
    expect(projectDirectoryName('/tmp/Pé_x y.z@1')).toBe('-tmp-P--x-y-z-1');
    expect(projectDirectoryName('/a/😀')).toBe('-a---');
    // As 2.1.329 named it.
    expect(projectDirectoryName(`/tmp/cc/L/home/${'d'.repeat(120)}/${'e'.repeat(100)}`)).toBe(`-tmp-cc-L-home-${'d'.repeat(120)}-${'e'.repeat(64)}-mwwpii`);
    expect(projectDirectoryName(`/${'d'.repeat(234)}`)).toMatch(/^-d{199}-[a-z0-9]{1,6}$/);
  });

  it('is not read backwards, and knows a long path by its beginning', () => {
    expect(isProjectDirectoryOf('-home-me-p-1', '/home/me/p_1')).toBe(true);
    expect(isProjectDirectoryOf('-home-me-my-p', '/home/me/p')).toBe(false);
    expect(isProjectDirectoryOf(`-${'d'.repeat(199)}-abc123`, `/${'d'.repeat(234)}`)).toBe(true);
  });
});

describe('the same repository on another machine', () => {
  it('is known by its remote, however that is spelled', () => {
    for (const url of ['git@github.com:me/shop.git', 'https://me@GitHub.com/me/shop/', 'ssh://git@github.com:22/me/shop', 'https://github.com/me/shop.git']) expect(remoteKey(url)).toBe('github.com/me/shop');
    expect(remoteKey('/srv/git/shop.git/')).toBe('/srv/git/shop');
    const known = wanted('/Users/u/shop/web', { repository: { root: '/Users/u/shop', remotes: ['git@github.com:me/shop.git'] } });
    const places = [repository('/src/other-name', 'https://github.com/me/shop'), repository('/src/shop', 'https://github.com/you/shop')];
    expect(findPlace(known, places, here)).toEqual({ kind: 'one', mapping: { root: '/Users/u/shop', directory: '/src/other-name' } });
  });

  it('is known by its whole name, never by the end of one', () => {
    const places = [repository('/workspaces/my-product')];
    expect(findPlace(wanted('/Users/u/product'), places, here)).toEqual({ kind: 'none' });
    expect(findPlace(wanted('/Users/u/product'), [...places, repository('/workspaces/product')], here)).toMatchObject({ kind: 'one', mapping: { directory: '/workspaces/product' } });
    expect(findPlace(wanted('/Users/u/projects/product/web'), [repository('/workspaces/product')], here)).toMatchObject({ mapping: { root: '/Users/u/projects/product', directory: '/workspaces/product' } });
  });

  it('is asked for where it could be several, unless one lies at the same place', () => {
    const places = [repository('/home/me/a/shop'), repository('/home/me/b/shop')];
    expect(findPlace(wanted('/Users/u/shop'), places, here)).toMatchObject({ kind: 'several', mappings: [{ directory: '/home/me/a/shop' }, { directory: '/home/me/b/shop' }] });
    expect(findPlace(wanted('/Users/u/b/shop'), places, here)).toMatchObject({ kind: 'one', mapping: { directory: '/home/me/b/shop' } });
    expect(findPlace(wanted('/Users/u/shop/web'), [repository('/w/shop'), repository('/w/web')], here)).toMatchObject({ kind: 'several' });
  });

  it('is not one of the same name with another remote, nor one that lacks the directory', () => {
    const known = wanted('/Users/u/shop', { repository: { root: '/Users/u/shop', remotes: ['git@github.com:me/shop.git'] } });
    expect(findPlace(known, [repository('/w/shop', 'https://github.com/you/shop')], here)).toEqual({ kind: 'none' });
    expect(findPlace(known, [repository('/w/shop')], here)).toMatchObject({ kind: 'one' });
    expect(findPlace(wanted('/Users/u/shop/web'), [repository('/w/shop')], { ...here, exists: (path) => path !== '/w/shop/web' })).toEqual({ kind: 'none' });
  });

  it('moves what lies below it', () => {
    const mapping = { root: '/a/shop', directory: '/b/shop' };
    expect([moved('/a/shop', mapping), moved('/a/shop/x', mapping), moved('/a/shopping', mapping)]).toEqual(['/b/shop', '/b/shop/x', undefined]);
  });
});
