/** Asks the running collector. */
import { request as httpRequest } from 'node:http';
import { EXIT_CODES, systemCode, toExitCode, TtError } from '../../shared/errors.ts';
import { CONTROL_METHODS, CONTROL_VERSION, controlErrorSchema, type Control, type ControlMethod, type ControlRequest, type ControlResponse } from './control-methods.ts';

/** A collector that works on an answer says so every few seconds (control-server.ts). */
const SILENT_MS = 30_000;

/** `control_silent` where not a word comes for half a minute: stopped, or its computer is out of breath. */
export function createControlClient(socketPath: string, { silentMs = SILENT_MS } = {}): Control {
  return {
    async call<M extends ControlMethod>(method: M, request: ControlRequest<M>): Promise<ControlResponse<M>> {
      const { status, text } = await post({ socketPath, path: `/v${CONTROL_VERSION}/${method}`, timeout: silentMs }, JSON.stringify(request));
      const body = parseJson(text);
      if (status !== 200) throw toError(body, status);
      const response = CONTROL_METHODS[method].response.safeParse(body);
      if (!response.success) throw versionSkew(`the answer to ${method} is not understood`);
      // The schema of `method` made it; TypeScript does not follow a table by its key.
      return response.data as ControlResponse<M>;
    },
  };
}

/** Nobody listens: there is no socket, or its collector is gone. */
export function isNotRunning(error: unknown): boolean {
  return error instanceof TtError && error.code === 'collector_not_running';
}

interface Address {
  socketPath: string;
  path: string;
  timeout: number;
}

function post(address: Address, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...address, method: 'POST', agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
    });
    request.on('error', (error) => reject(error instanceof TtError ? error : toConnectError(error, address.socketPath)));
    request.on('timeout', () => request.destroy(silent(address.timeout)));
    request.end(body);
  });
}

function toConnectError(error: Error, socketPath: string): TtError {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new TtError('collector_not_running', 'no collector is running here', {
      hint: 'start it: tt collector run', exitCode: EXIT_CODES.unreachable, cause: error,
    });
  }
  return new TtError('control_failed', `the collector's socket ${socketPath} did not answer: ${error.message}`, {
    hint: 'is it yours, and is the collector alive? `tt status` tells', exitCode: EXIT_CODES.unreachable, cause: error,
  });
}

function silent(ms: number): TtError {
  return new TtError('control_silent', `the collector took the question and has not said a word for ${ms / 1000} s`, {
    hint: 'is it stopped? what was asked may still be done: look before you ask again', exitCode: EXIT_CODES.unreachable,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toError(body: unknown, status: number): TtError {
  const parsed = controlErrorSchema.safeParse(body);
  if (!parsed.success) return versionSkew(`it answered ${status}`);
  const { code, message, hint, exit_code } = parsed.data;
  return new TtError(code, message, { hint, exitCode: toExitCode(exit_code) });
}

function versionSkew(what: string): TtError {
  return new TtError('control_version', `the running collector is another version: ${what}`, {
    hint: 'restart the collector', exitCode: EXIT_CODES.version_skew,
  });
}
