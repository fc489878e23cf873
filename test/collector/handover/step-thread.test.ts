import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStepThread, type StepThread } from '../../../collector/handover/step-thread.ts';
import type { LookRequest } from '../../../collector/handover/step-looks.ts';

/** Answers with the label that it was asked about; ends in the middle of one called crash. */
const WORKER = `
import { parentPort } from 'node:worker_threads';
parentPort.on('message', (message) => {
  if (message === 'close') return parentPort.close();
  const { id, request: { machine: { label } } } = message;
  if (label === 'crash') throw new Error('out of order');
  if (label === 'refuse') parentPort.postMessage({ id, failure: 'no such file' });
  else if (label !== 'silent') parentPort.postMessage({ id, looked: { moved: [], problems: [{ way: 'pull', session: null, code: '', message: label, hint: '' }] } });
});
`;
let directory = '';
let thread: StepThread;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-step-'));
  const file = join(directory, 'worker.mjs');
  writeFileSync(file, WORKER);
  thread = openStepThread({ home: directory, environment: {}, program: { node: process.execPath, file: '/tt.mjs' } }, pathToFileURL(file));
});
afterEach(async () => {
  await thread.close();
  rmSync(directory, { recursive: true, force: true });
});

const ask = async (label: string): Promise<string | undefined> => {
  const request: LookRequest = { machine: { id: label, label, host: null }, wished: { any: [], quietSinceMs: 0 }, ways: ['pull'], here: 'here', isFirst: true };
  return (await thread.look(request)).problems[0]?.message;
};

it('answers each look by its own, also several at once', async () => {
  expect(await Promise.all([ask('a'), ask('b')])).toEqual(['a', 'b']);
  await expect(ask('refuse')).rejects.toMatchObject({ code: 'step_failed', message: expect.stringContaining('no such file') as string });
});

it('tells who waits when the thread ends, and has a new one for the next', async () => {
  const silent = ask('silent');
  const crashed = ask('crash');
  await expect(silent).rejects.toMatchObject({ code: 'step_failed' });
  await expect(crashed).rejects.toMatchObject({ message: expect.stringContaining('out of order') as string });
  expect(await ask('a')).toBe('a');
});

it('takes no look any more when it is closed, and leaves nobody waiting', async () => {
  const silent = ask('silent').catch((error: unknown) => error);
  await thread.close();
  expect(await silent).toMatchObject({ code: 'step_failed' });
  await expect(ask('a')).rejects.toMatchObject({ code: 'step_failed' });
});
