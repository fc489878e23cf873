import { PassThrough, type Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { createPipe, PIPE_FRAME_BYTES, type Pipe, type PipeEvents } from '../../../shared/protocol/pipe.ts';

interface Joined {
  near: Pipe;
  far: Pipe;
  toFar: PassThrough;
  toNear: PassThrough;
}

function joined(far: Partial<PipeEvents>, near: Partial<PipeEvents> = {}): Joined {
  const [toFar, toNear] = [new PassThrough(), new PassThrough()];
  const nothing = { onMessage: () => {} };
  return {
    near: createPipe({ input: toNear, output: toFar }, { ...nothing, ...near }),
    far: createPipe({ input: toFar, output: toNear }, { ...nothing, ...far }),
    toFar, toNear,
  };
}

async function textOf(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString('latin1');
  return text;
}

describe('streams over one pipe', () => {
  it('carry any bytes whole and apart, however they are cut on the way', async () => {
    const echoed: Promise<unknown>[] = [];
    const { near, toFar } = joined({ onStream: (stream) => void echoed.push(finished(stream.pipe(stream))) });
    const texts = ['a', 'x'.repeat(3 * PIPE_FRAME_BYTES + 1), '\0\n'.repeat(50_000), ''];
    const streams = texts.map(() => near.open());
    // One byte at a time through the head of a frame.
    for (const byte of [1, 0, 0, 0, 0, 0, 0, 0, 4, ...Buffer.from('null')]) toFar.write(Buffer.of(byte));
    const answers = streams.map(textOf);
    for (const [at, stream] of streams.entries()) stream.end(Buffer.from(texts[at] ?? '', 'latin1'));
    expect(await Promise.all(answers)).toEqual(texts);
    await Promise.all(echoed);
  });

  it('hold back a sender whose reader does not read, and take no more memory for it', async () => {
    let unread: Duplex | undefined;
    const { near, toFar } = joined({ onStream: (stream) => (unread = stream) });
    const stream = near.open();
    const block = Buffer.alloc(PIPE_FRAME_BYTES);
    let taken = 0;
    for (let at = 0; at < 100; at += 1) stream.write(block, () => (taken += 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThan(10);
    expect(toFar.readableLength).toBeLessThan(10 * PIPE_FRAME_BYTES);
    stream.end();
    unread?.resume();
    await finished(stream, { readable: false });
    expect(taken).toBe(100);
  });

  it('end with the pipe, and one that is cut ends at the other side too', async () => {
    const met: Duplex[] = [];
    const { near, toFar } = joined({ onStream: (stream) => void met.push(stream) });
    const [first, second] = [near.open(), near.open()];
    first.destroy();
    second.write('x');
    await new Promise<void>((resolve) => {
      const look = (): void => (met[0]?.destroyed ? resolve() : void setImmediate(look));
      look();
    });
    expect(met[1]?.destroyed).toBe(false);
    toFar.destroy();
    await new Promise((resolve) => met[1]?.once('close', resolve));
  });

  it.each([
    ['a frame that is too long', [3, 0, 0, 0, 1, 255, 0, 0, 0]],
    ['a kind that nobody knows', [9, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['a message that is no JSON', [1, 0, 0, 0, 0, 0, 0, 0, 1, 123]],
    ['a stream where none may be opened', [2, 0, 0, 0, 1, 0, 0, 0, 0]],
  ])('are over at %s', async (_what, bytes) => {
    const { far, toFar } = joined({});
    toFar.write(Buffer.from(bytes));
    await expect(far.ended).resolves.toBeUndefined();
  });

  it('are at most sixteen at a time', async () => {
    const { near, far } = joined({ onStream: () => {} });
    for (let at = 0; at < 17; at += 1) near.open();
    await expect(far.ended).resolves.toBeUndefined();
  });
});
