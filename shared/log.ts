/**
 * Structured logs on a given stream, by pino. Levels say what an operator must
 * do: error = act now, warn = look soon, info = nothing, debug = for us.
 */
import { pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

/** What the parts of both programs take: narrower than pino, so a test can pass an array. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogSink {
  write(line: string): void;
}

export function createLog(level: LogLevel, sink: LogSink, base: LogFields = {}): Log {
  return pino(
    {
      level,
      base: { ...base },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
