import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { localReceiver, type Receiver } from '../../../collector/handover/receiver.ts';
import { TtError } from '../../../shared/errors.ts';
import { HANDOVER_SCHEMA, type HandoverRequest } from '../../../shared/protocol/handover.ts';

/** Takes what comes to its end, and cannot be ended before: as the agent does. */
const AGENT = `
process.on('SIGTERM', () => {});
let bytes = 0;
process.stdin.on('data', (chunk) => { bytes += chunk.length; });
process.stdin.on('end', () => {
  console.log('Welcome!');
  console.log(JSON.stringify({ schema: 1, ok: false, candidates: [], code: 'cut_off', message: bytes + ' bytes', hint: 'do it again', exit_code: 1 }));
});
`;
const request: HandoverRequest = {
  schema: HANDOVER_SCHEMA, action: 'put', session: '5e551077-0000-4000-8000-000000000001', to: null, is_own: true,
  from: { machine: 'devbox', cwd: null, home: null, repository: null }, files: [],
};
let directory = '';
let stop: AbortController;
let receiver: Receiver;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-receiver-'));
  writeFileSync(join(directory, 'tt-agent.mjs'), AGENT);
  stop = new AbortController();
  receiver = localReceiver({ program: { node: process.execPath, file: join(directory, 'tt.mjs') }, environment: process.env, stop: stop.signal });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('is answered by the agent beside tt, whatever that printed before', async () => {
  const line = Buffer.byteLength(JSON.stringify(request)) + 1;
  expect(await receiver.ask(request, Readable.from([Buffer.from('12345')], { objectMode: false }))).toMatchObject({ schema: 1, ok: false, candidates: [], code: 'cut_off', message: `${line + 5} bytes` });
});

it('ends where a file became shorter meanwhile, and says so', async () => {
  const content = Readable.from((function* gone(): Generator<Buffer> {
    yield Buffer.from('half');
    throw new TtError('file_changed', 'it became shorter', { hint: 'run it again' });
  })(), { objectMode: false });
  await expect(receiver.ask(request, content)).rejects.toMatchObject({ code: 'file_changed' });
});

it('ends when it is stopped, whatever is still to come', async () => {
  const endless = new Readable({ read: () => {} });
  const asked = receiver.ask(request, endless);
  stop.abort();
  expect(await asked).toMatchObject({ code: 'cut_off' });
  endless.destroy();
});
