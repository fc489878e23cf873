import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgent } from '../../agent/control-client.ts';
import { openControlServer, type ControlHandlers } from '../../agent/control-server.ts';
import { systemClock } from '../../shared/clock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-control-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function ask(handlers: ControlHandlers, path = '/do'): Promise<unknown> {
  const socket = join(directory, 'agent.sock');
  const server = await openControlServer(socket, handlers);
  try {
    return await askAgent(socket, systemClock, { method: 'POST', path, body: { n: 1 } }, (body) => z.object({ done: z.number() }).parse(body));
  } finally {
    await server.close();
  }
}

describe('the running agent', () => {
  it('answers what it is asked', async () => {
    expect(await ask({ 'POST /do': () => ({ done: 1 }) })).toEqual({ done: 1 });
  });

  it('says what went wrong where it could not do it: that is no matter of versions', async () => {
    const failing = ask({
      'POST /do': () => {
        throw new Error('EACCES: permission denied, unlink kept/1');
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'agent_failed', exitCode: 1, message: expect.stringContaining('EACCES: permission denied') as unknown });
  });

  it.each([
    ['does not know the question', { 'POST /other': () => ({}) }, 'does not know POST /do'],
    ['does not understand its body', { 'POST /do': (body: unknown) => z.object({ path: z.string() }).parse(body) }, 'does not take POST /do'],
    ['gives an answer that is not understood', { 'POST /do': () => ({ done: 'yes' }) }, 'answers in a way'],
  ])('is of another version where it %s', async (_what, handlers, message) => {
    await expect(ask(handlers)).rejects.toMatchObject({ code: 'version_skew', exitCode: 6, message: expect.stringContaining(message) as unknown });
  });
});
