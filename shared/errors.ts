/** Exit codes of both programs (design §9, README). */
export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unhealthy: 4,
  unauthorised: 5,
  version_skew: 6,
  /** Ctrl-C where a person was asked or an answer was cut short, or a second one: what shells say of SIGINT. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** Of another program of ours, perhaps a later one: a code that is not known here is a failure. */
export function toExitCode(code: number): ExitCode {
  return Object.values(EXIT_CODES).find((known) => known === code) ?? EXIT_CODES.failed;
}

export interface TtErrorOptions {
  /** What to do next, as a sentence or a command. */
  hint: string;
  exitCode?: ExitCode;
  /** Can the same call succeed later without anyone doing anything? */
  retryable?: boolean;
  cause?: unknown;
}

/** The only error class the programs throw on purpose: a cause in words, a code to match, the next step. */
export class TtError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: TtErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TtError';
    this.code = code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT_CODES.failed;
    this.retryable = options.retryable ?? false;
  }
}

/** Node's `code` of a system error (`ENOENT`, `ENOSPC`, …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
