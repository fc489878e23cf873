/** `tt open`: a one-time link to the page, in the browser. */
import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { createControlClient } from '../control/control-client.ts';

export async function openInBrowser(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { url, expires_at } = await createControlClient(resolvePaths(io.environment, io.home).controlSocket).call('page.link', {});
  if (flag(parsed, 'json')) {
    io.stdout.write(`${JSON.stringify({ schema: 1, url, expires_at })}\n`);
    return EXIT_CODES.ok;
  }
  if (!flag(parsed, 'print') && (await startBrowser(url))) {
    io.stderr.write('opened the page in the browser\n');
    return EXIT_CODES.ok;
  }
  io.stdout.write(`${url}\n`);
  io.stderr.write('the link works once, for ten minutes\n');
  return EXIT_CODES.ok;
}

/** False where there is no browser to start, as on a server. */
function startBrowser(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(platform() === 'darwin' ? 'open' : 'xdg-open', [url], { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
