import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configSchema, loadConfig } from '../../shared/config.ts';
import { TtError } from '../../shared/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'tt-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function configFile(text: string): string {
  const file = join(directory, `${++files}.toml`);
  writeFileSync(file, text);
  return file;
}
const nowhere = join(directory, 'none.toml');

function failure(run: () => unknown): TtError {
  try {
    run();
  } catch (error) {
    if (error instanceof TtError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('configuration', () => {
  it('has defaults for everything but the label', () => {
    expect(loadConfig(nowhere, {})).toEqual({
      ingest_host: '127.0.0.1', ingest_port: 7071, ingest_urls: [], ui_host: '127.0.0.1', ui_port: 7070, metrics: false,
      texts: 'redacted', projects: {}, archive: false, receive: false, tunnels: {}, sync: [], prices: {}, kept_limit_bytes: 4 * 1024 ** 3, log_level: 'info',
    });
  });

  it('lets the file win over defaults, the environment over the file, and flags over all', () => {
    const file = configFile('ingest_port = 1001\nui_port = 1002\nlog_level = "warn"\n');
    const environment = { TT_UI_PORT: '2002', TT_LOG_LEVEL: 'error' };
    expect(loadConfig(file, environment, { log_level: 'debug' })).toMatchObject({
      ingest_port: 1001, ui_port: 2002, log_level: 'debug', ingest_host: '127.0.0.1',
    });
  });

  it('takes every key from the environment', () => {
    const environment = {
      TT_LABEL: 'devbox', TT_INGEST_HOST: '::1', TT_INGEST_PORT: '0', TT_INGEST_URLS: 'https://tt.example, http://10.0.0.1:7071', TT_UI_HOST: 'localhost', TT_UI_PORT: '65535', TT_METRICS: 'true',
      TT_TEXTS: 'none', TT_PROJECTS: '{"/home/me/secret":{"texts":"none"}}', TT_ARCHIVE: 'true', TT_RECEIVE: 'true', TT_KEPT_LIMIT_BYTES: '1048576', TT_LOG_LEVEL: 'silent',
      TT_TUNNELS: '{"gpu":{"mode":"manual"}}', TT_PRICES: '{"m":{"input":3,"output":15}}',
      TT_SYNC: '{"repositories":["shop"],"machines":["*"]}',
    };
    expect(Object.keys(environment).toSorted())
      .toEqual(Object.keys(configSchema.shape).map((key) => `TT_${key.toUpperCase()}`).toSorted());
    expect(loadConfig(nowhere, environment)).toEqual({
      label: 'devbox', ingest_host: '::1', ingest_port: 0, ingest_urls: ['https://tt.example', 'http://10.0.0.1:7071'], ui_host: 'localhost', ui_port: 65535, metrics: true, texts: 'none',
      projects: { '/home/me/secret': { texts: 'none' } }, archive: true, receive: true, tunnels: { gpu: { mode: 'manual' } }, sync: [{ repositories: ['shop'], machines: ['*'], days: 7 }], prices: { m: expect.objectContaining({ input: 3, output: 15 }) as unknown }, kept_limit_bytes: 1048576, log_level: 'silent',
    });
  });

  it('reads a policy per project', () => {
    const file = configFile('texts = "full"\n[projects."/home/me/client work"]\ntexts = "none"\n[projects."/home/me/own"]\narchive = false\n');
    expect(loadConfig(file, {})).toMatchObject({ texts: 'full', projects: { '/home/me/client work': { texts: 'none' }, '/home/me/own': { archive: false } } });
  });

  it('takes ~ in the path of a project for the home', () => {
    const file = configFile('[projects."~/client"]\ntexts = "none"\n[projects."~"]\ntexts = "full"\n[projects."/~/b"]\narchive = true\n');
    expect(loadConfig(file, { HOME: '/home/me' }).projects).toEqual({ '/home/me/client': { texts: 'none' }, '/home/me': { texts: 'full' }, '/~/b': { archive: true } });
    expect(failure(() => loadConfig(file, {}))).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('HOME') as string });
  });

  it.each(['client', './client', '../client', '~you/client', ''])('refuses %j as the path of a project: it would protect nothing', (path) => {
    const error = failure(() => loadConfig(configFile(`[projects."${path}"]\ntexts = "none"\n`), { HOME: '/home/me' }));
    expect(error).toMatchObject({ code: 'config_invalid', exitCode: 2, message: expect.stringContaining(`projects."${path}"`) as string });
    expect(error.hint).toContain('from / on');
  });

  it('asks for a check where a tunnel shall not wake its host', () => {
    const file = configFile('[tunnels.gpu]\nmode = "while-running"\n');
    expect(() => loadConfig(file, {})).toThrow(/tunnels\.gpu.*check command/);
    expect(loadConfig(configFile('[tunnels.gpu]\nmode = "while-running"\ncheck = "true"\n[tunnels.devbox]\n'), {}).tunnels)
      .toEqual({ gpu: { mode: 'while-running', check: 'true' }, devbox: { mode: 'always' } });
  });

  it('reads rules for sessions, one alone or several', () => {
    expect(loadConfig(configFile('[sync]\nrepositories = ["git@github.com:me/shop.git", "~/src"]\nmachines = ["devbox"]\ndays = 30\n'), {}).sync)
      .toEqual([{ repositories: ['git@github.com:me/shop.git', '~/src'], machines: ['devbox'], days: 30 }]);
    expect(loadConfig(configFile('[[sync]]\nrepositories = ["*"]\nmachines = ["a"]\n[[sync]]\nrepositories = ["shop"]\nmachines = ["b"]\n'), {}).sync).toHaveLength(2);
  });

  it.each([
    ['sync.days: ', 'from 1 to', 'repositories = ["*"]\nmachines = ["a"]\ndays = 0\n'],
    ['sync.days: ', 'days = 7', 'repositories = ["*"]\nmachines = ["a"]\ndays = "week"\n'],
    ['sync.repositories: ', 'repositories = ["shop"]', 'machines = ["a"]\n'],
    ['sync.repositories: ', 'repositories = ["shop"]', 'repositories = "shop"\nmachines = ["a"]\n'],
    ['sync.repositories: ', 'names, git remotes', 'repositories = []\nmachines = ["a"]\n'],
    ['sync.repositories.1: ', 'names, git remotes', 'repositories = ["shop", "me/shop"]\nmachines = ["a"]\n'],
    ['sync.repositories.0: ', '"*" for all', 'repositories = ["shop*"]\nmachines = ["a"]\n'],
    ['sync.machines: ', 'machines = ["devbox"]', 'repositories = ["*"]\n'],
    ['sync.machines.0: ', 'tt machines lists them', 'repositories = ["*"]\nmachines = ["My Box"]\n'],
    ['sync: ', 'machine', 'repositories = ["*"]\nmachines = ["a"]\nmachine = "a"\n'],
  ])('names %s in a rule, and what it should hold: %s', (key, words, rule) => {
    const error = failure(() => loadConfig(configFile(`[sync]\n${rule}`), {}));
    expect(error).toMatchObject({ code: 'config_invalid', exitCode: 2 });
    expect(error.message).toContain(key);
    expect(error.message).toContain(words);
  });

  it('refuses two rules for one directory, of which one would be forgotten', () => {
    const file = configFile('[projects."~/client"]\ntexts = "none"\n[projects."/home/me/client"]\narchive = true\n');
    expect(failure(() => loadConfig(file, { HOME: '/home/me' }))).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('"/home/me/client": /home/me/client has rules already') as string });
  });

  it.each(['wss://tt.example', 'https://tt.example/in', 'tt.example:7071', `tt+pipe:${'0'.repeat(32)}`])('refuses %s as an address that agents dial', (url) => {
    const error = failure(() => loadConfig(configFile(`ingest_urls = ["https://tt.example", "${url}"]\n`), {}));
    expect(error).toMatchObject({ code: 'config_invalid', exitCode: 2, message: expect.stringContaining('ingest_urls.1: where agents dial') as string });
  });

  it('says which of several rules is wrong', () => {
    const rules = '[[sync]]\nrepositories = ["*"]\nmachines = ["a"]\n[[sync]]\nrepositories = ["*"]\nmachines = []\n';
    expect(failure(() => loadConfig(configFile(rules), {})).message).toContain('sync.1.machines: ');
  });

  it('takes an empty variable and an undefined flag for not given', () => {
    const file = configFile('label = "devbox"\nui_port = 1002\n');
    expect(loadConfig(file, { TT_LABEL: '', TT_UI_PORT: '' }, { label: undefined, ui_port: undefined }))
      .toMatchObject({ label: 'devbox', ui_port: 1002 });
  });

  it('takes the label of another tool last and makes it fit', () => {
    const file = configFile('label = "from-file"\n');
    expect(loadConfig(nowhere, { HOST_MACHINE: 'Dev Box.local' }).label).toBe('dev-box');
    expect(loadConfig(nowhere, { HOST_MACHINE: 'other', TT_LABEL: 'mine' }).label).toBe('mine');
    expect(loadConfig(file, { HOST_MACHINE: 'other' }).label).toBe('from-file');
  });

  it.each([
    ['ingest_port', { TT_INGEST_PORT: '70000' }], ['ingest_port', { TT_INGEST_PORT: ' ' }],
    ['ingest_port', { TT_INGEST_PORT: '0x50' }], ['ui_port', { TT_UI_PORT: '-1' }], ['ui_port', { TT_UI_PORT: '80.5' }],
    ['texts', { TT_TEXTS: 'some' }], ['log_level', { TT_LOG_LEVEL: 'loud' }], ['label', { TT_LABEL: 'My Box' }],
    ['projects', { TT_PROJECTS: '{"/a"' }], ['projects', { TT_PROJECTS: '{"/a":{"texts":"some"}}' }],
    ['kept_limit_bytes', { TT_KEPT_LIMIT_BYTES: '4 GiB' }], ['archive', { TT_ARCHIVE: 'yes' }],
  ])('names %s when it is wrong: %j', (key, environment) => {
    const error = failure(() => loadConfig(nowhere, environment));
    expect(error).toMatchObject({ code: 'config_invalid', exitCode: 2 });
    expect(error.message).toContain(key);
    expect(error.hint).toContain(nowhere);
  });

  it.each([
    ['ingest_prot', 'ingest_prot = 7071\n'], ['ingest_port', 'ingest_port = true\n'],
    ['projects./a', '[projects."/a"]\ntext = "none"\n'],
  ])('names %s when the file has it wrong', (key, text) => {
    expect(failure(() => loadConfig(configFile(text), {})).message).toContain(key);
  });

  it('says that a file is no TOML, or no file, and which', () => {
    const broken = configFile('label = \n');
    expect(failure(() => loadConfig(broken, {})).message).toContain(broken);
    const folder = join(directory, 'folder.toml');
    mkdirSync(folder);
    expect(failure(() => loadConfig(folder, {}))).toMatchObject({ code: 'config_invalid', exitCode: 2 });
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not read a file', () => {
    const file = configFile('label = "a"\n');
    chmodSync(file, 0o000);
    expect(failure(() => loadConfig(file, {})).message).toContain(file);
  });
});
