/** Where everything lies (design §9). Nothing else on the machine is touched. */
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Paths {
  home: string;
  dataDir: string;
  stateDir: string;
  configFile: string;
  runtimeDir: string;

  machineFile: string;
  machineKeyFile: string;
  /** Machines that this one was copied from. */
  formerMachinesFile: string;
  /** What `join` pinned: where the collector is and its public key. */
  uplinkFile: string;
  eventLog: string;
  statusLog: string;
  keptDir: string;
  badDir: string;

  checkpointDir: string;
  endpointFile: string;
  agentLockFile: string;
  agentSocket: string;
  agentStatusFile: string;
  /** Sessions whose end is not told yet. */
  openStatusesFile: string;
  logDir: string;

  collectorFile: string;
  machinesFile: string;
  database: string;
  archiveDir: string;
  /** What `tt search` looks in; made out of the archive, and made anew when it is gone. */
  searchDatabase: string;
  /** Held by whoever writes it. */
  searchLockFile: string;
  collectorLockFile: string;
  controlSocket: string;
  /** What `tt sync --every` was told, and how its last run went. */
  syncEveryFile: string;
  /** What each agent said last, over restarts of the collector. */
  lastKnownFile: string;
  /** When each machine was connected. */
  connectionsFile: string;
  /** What a prompt shows; the collector keeps it. */
  statuslineFile: string;
  /** When the last backup was made, and where to. */
  lastBackupFile: string;
  /** When `tt doctor` last looked at the database, and what it found. */
  lastCheckFile: string;
  /** Hashes of the browsers' sign-ins. */
  pageSessionsFile: string;
}

function directory(environment: Environment, variable: string, fallback: string): string {
  const value = environment[variable];
  // The XDG standard: a relative path in one of these variables is invalid and ignored.
  return value !== undefined && value.startsWith('/') ? value : fallback;
}

/** `home` is passed in: `os.homedir()` belongs to the two mains. */
export function resolvePaths(environment: Environment, home: string): Paths {
  const dataDir = join(directory(environment, 'XDG_DATA_HOME', join(home, '.local/share')), 'tt');
  const stateDir = join(directory(environment, 'XDG_STATE_HOME', join(home, '.local/state')), 'tt');
  const configDir = join(directory(environment, 'XDG_CONFIG_HOME', join(home, '.config')), 'tt');
  return {
    home,
    dataDir,
    stateDir,
    configFile: join(configDir, 'config.toml'),
    runtimeDir: join(stateDir, 'run'),
    machineFile: join(dataDir, 'machine.json'),
    machineKeyFile: join(dataDir, 'machine.key'),
    formerMachinesFile: join(dataDir, 'former-machines.json'),
    uplinkFile: join(dataDir, 'uplink.json'),
    eventLog: join(dataDir, 'events.jsonl'),
    statusLog: join(dataDir, 'status.jsonl'),
    keptDir: join(dataDir, 'kept'),
    badDir: join(dataDir, 'bad'),
    checkpointDir: join(stateDir, 'checkpoints'),
    endpointFile: join(stateDir, 'endpoint.json'),
    agentLockFile: join(stateDir, 'agent.lock'),
    agentSocket: join(stateDir, 'run', 'agent.sock'),
    agentStatusFile: join(stateDir, 'agent-status.json'),
    openStatusesFile: join(stateDir, 'open-statuses.jsonl'),
    logDir: join(stateDir, 'log'),
    collectorFile: join(dataDir, 'collector.json'),
    machinesFile: join(dataDir, 'machines.json'),
    database: join(dataDir, 'collector.db'),
    archiveDir: join(dataDir, 'archive'),
    searchDatabase: join(dataDir, 'search.sqlite'),
    searchLockFile: join(stateDir, 'search.lock'),
    collectorLockFile: join(stateDir, 'collector.lock'),
    controlSocket: join(stateDir, 'run', 'collector.sock'),
    syncEveryFile: join(dataDir, 'sync-every.json'),
    lastKnownFile: join(stateDir, 'last-known.json'),
    connectionsFile: join(stateDir, 'connections.json'),
    statuslineFile: join(stateDir, 'statusline'),
    lastBackupFile: join(stateDir, 'last-backup.json'),
    lastCheckFile: join(stateDir, 'last-check.json'),
    pageSessionsFile: join(stateDir, 'page-sessions.json'),
  };
}

/**
 * Claude Code's config directories: `CLAUDE_CONFIG_DIR` (a comma list replaces
 * both defaults), else `$XDG_CONFIG_HOME/claude` and `~/.claude` (claude-logs §1).
 * An entry may be the directory itself or its `projects/`.
 */
export function claudeConfigDirs(environment: Environment, home: string): string[] {
  const listed = (environment['CLAUDE_CONFIG_DIR'] ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => entry.replace(/(.)\/projects\/*$/, '$1').replace(/(.)\/+$/, '$1'));
  if (listed.length > 0) return [...new Set(listed)];
  return [join(directory(environment, 'XDG_CONFIG_HOME', join(home, '.config')), 'claude'), join(home, '.claude')];
}
