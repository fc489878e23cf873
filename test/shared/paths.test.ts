import { describe, expect, it } from 'vitest';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';

const HOME = '/home/someone';

describe('paths', () => {
  it('follow the XDG defaults under the home directory', () => {
    const paths = resolvePaths({}, HOME);
    expect(paths.machineFile).toBe('/home/someone/.local/share/tt/machine.json');
    expect(paths.eventLog).toBe('/home/someone/.local/share/tt/events.jsonl');
    expect(paths.database).toBe('/home/someone/.local/share/tt/collector.db');
    expect(paths.checkpointDir).toBe('/home/someone/.local/state/tt/checkpoints');
    expect(paths.configFile).toBe('/home/someone/.config/tt/config.toml');
  });

  it('follow the XDG variables', () => {
    const paths = resolvePaths({ XDG_DATA_HOME: '/d', XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c' }, HOME);
    expect([paths.dataDir, paths.stateDir, paths.configFile]).toEqual(['/d/tt', '/s/tt', '/c/tt/config.toml']);
  });

  it.each(['', 'relative/dir', '~/share', './x'])('ignore %j, as the XDG standard says of a relative path', (value) => {
    expect(resolvePaths({ XDG_DATA_HOME: value, XDG_STATE_HOME: value, XDG_CONFIG_HOME: value }, HOME)).toEqual(resolvePaths({}, HOME));
  });

  it('lie below the data, state or config directory, every one', () => {
    const { home: _home, ...paths } = resolvePaths({ XDG_DATA_HOME: '/d', XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c' }, HOME);
    expect(Object.values(paths).filter((path) => !/^\/[dsc]\/tt(\/|$)/.test(path))).toEqual([]);
  });
});

describe('the config directories of Claude Code', () => {
  it('are both defaults when nothing is said', () => {
    expect(claudeConfigDirs({}, HOME)).toEqual(['/home/someone/.config/claude', '/home/someone/.claude']);
    expect(claudeConfigDirs({ XDG_CONFIG_HOME: '/c' }, HOME)).toEqual(['/c/claude', '/home/someone/.claude']);
    expect(claudeConfigDirs({ CLAUDE_CONFIG_DIR: ' , ' }, HOME)).toHaveLength(2);
  });

  it('are exactly those of the list', () => {
    expect(claudeConfigDirs({ CLAUDE_CONFIG_DIR: '/a, /b b ,/c' }, HOME)).toEqual(['/a', '/b b', '/c']);
  });

  it('may be given with slashes, as their projects folder, and twice', () => {
    expect(claudeConfigDirs({ CLAUDE_CONFIG_DIR: '/a/,/a/projects,/a/projects//,/b/my-projects' }, HOME)).toEqual(['/a', '/b/my-projects']);
  });

  it('may be the root', () => {
    expect(claudeConfigDirs({ CLAUDE_CONFIG_DIR: '/' }, HOME)).toEqual(['/']);
  });
});
