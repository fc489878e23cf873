import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { openIngest } from '../support/ingest-fixture.ts';

/** Resolves with what came back when the other side has closed. */
function closedAfter(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    if (bytes !== '') socket.write(bytes);
  });
}

it('gives up peers that say nothing, or begin and do not end', async () => {
  await using collector = await openIngest();
  const port = Number(new URL(collector.url).port);
  const [silent, half, body] = await Promise.all([
    closedAfter(port, ''),
    closedAfter(port, 'GET /healthz HT'),
    closedAfter(port, 'POST /enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'),
  ]);
  for (const answer of [silent, half, body]) expect(answer === '' || answer.startsWith('HTTP/1.1 408 ')).toBe(true);
});
