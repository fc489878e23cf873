/** A program of ours that the system keeps running, and who keeps it. */
import type { CommandIo } from '../cli.ts';
import type { Environment } from '../paths.ts';

export interface ServiceSpec {
  name: 'tt-agent' | 'tt-collector';
  /** Node, the program's file and its arguments, all absolute. */
  command: readonly string[];
  /** What the program needs of the present environment: a service has none of it. */
  environment: Readonly<Record<string, string>>;
  /** Where its log goes, unless the system has a journal of its own: then `--log` and this are added to its arguments. */
  logFile: string;
  /** With this exit status it is not started again. */
  finalStatus: number;
}

/** One of our programs, as its commands know it. */
export interface ServiceProgram {
  name: ServiceSpec['name'];
  /** Its words before `install`: `tt collector`. */
  words: string;
  /** What it is run with. */
  arguments: readonly string[];
  logName: string;
  finalStatus: number;
  /** Throws what would keep it from running, before anything is written. */
  check(io: CommandIo): void;
}

export type ServiceKind = 'systemd' | 'launchd' | 'background';

export interface ServiceState {
  installed: boolean;
  running: boolean;
}

/** Each is done again without harm. */
export interface ServiceKeeper {
  readonly kind: ServiceKind;
  /** What it wrote or changed, and what a person should know. Throws `service_*`. */
  install(): Promise<{ notes: string[] }>;
  /** Stops it and removes what `install` wrote. False: there was nothing. */
  uninstall(): Promise<boolean>;
  restart(): Promise<void>;
  state(): Promise<ServiceState>;
  /** Does it run while its user is logged out? Only where the system makes a difference; null: it does not tell. */
  lingers?(): Promise<boolean | null>;
  /** A command that prints the newest of its log, and goes on with `follow`. */
  logs(options: { lines: number; follow: boolean }): readonly string[];
}

export interface ProgramResult {
  /** Null: it could not be started, or a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one of the system's programs to its end. Never rejects. `encoding` is of what it reads and prints; latin1 keeps every byte. */
export type RunProgram = (command: string, args: readonly string[], stdin?: string, encoding?: 'utf8' | 'latin1') => Promise<ProgramResult>;

/** Of our programs and the tools they follow, as far as it is set; `PATH` for ssh, git and what hooks need. */
const KEPT_VARIABLES = ['PATH', 'LANG', 'XDG_DATA_HOME', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME', 'CLAUDE_CONFIG_DIR', 'HOST_MACHINE', 'SSH_AUTH_SOCK'];

export function serviceEnvironment(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== '' && (KEPT_VARIABLES.includes(name) || /^TT_[A-Z_]+$/.test(name))) kept[name] = value;
  }
  // An agent of this login alone (ssh -A, a terminal's own) is gone with it.
  if (!isLasting(kept['SSH_AUTH_SOCK'])) delete kept['SSH_AUTH_SOCK'];
  return kept;
}

function isLasting(socket: string | undefined): boolean {
  return socket !== undefined && /^(\/run\/user\/|\/private\/tmp\/com\.apple\.launchd|.*\/Library\/)/.test(socket);
}
