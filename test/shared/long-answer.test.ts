import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { toOutput, type Output } from '../../shared/cli.ts';
import { nextTurn } from '../../shared/clock.ts';
import { printPieces } from '../../shared/long-answer.ts';

const never = new AbortController().signal;

/** Counts how many were asked for. */
function* pieces(count: number, asked: { count: number } = { count: 0 }, size = 1): Generator<string> {
  for (let index = 0; index < count; index++) {
    asked.count += 1;
    yield `${index}`.padStart(size, '.');
  }
}

function output(write: (text: string) => void, room?: () => Promise<void>): Output {
  return { write, ...(room && { room }), isTTY: false, columns: 80 };
}

describe('a long answer', () => {
  it('is printed whole and in order, the first piece at once, in few writes', async () => {
    const writes: string[] = [];
    expect(await printPieces(pieces(100_000, undefined, 10), { stdout: output((text) => void writes.push(text)), stop: never })).toBe(true);
    expect(writes.join('')).toBe([...pieces(100_000, undefined, 10)].join(''));
    expect(writes[0]).toBe('.........0');
    expect(writes.length).toBeLessThan(40);
  });

  it('goes no further when it is stopped', async () => {
    const [asked, stop] = [{ count: 0 }, new AbortController()];
    expect(await printPieces(pieces(1000, asked), { stdout: output(() => stop.abort()), stop: stop.signal })).toBe(false);
    expect(asked.count).toBe(1);
  });

  it('lets whoever reads leave: others have a turn between two writes', async () => {
    const [asked, stop] = [{ count: 0 }, new AbortController()];
    // As EPIPE does: it is told only when everybody else has had a turn.
    const stdout = output(() => setImmediate(() => stop.abort()));
    expect(await printPieces(pieces(1_000_000, asked), { stdout, stop: stop.signal })).toBe(false);
    expect(asked.count).toBeLessThan(10);
  });

  it('waits until there is room, also of a stream, and stops waiting when it is stopped', async () => {
    const stream = Object.assign(new PassThrough({ highWaterMark: 1 }), { isTTY: false, columns: 80 });
    const [asked, stop] = [{ count: 0 }, new AbortController()];
    const printed = printPieces(pieces(3, asked), { stdout: toOutput(stream as unknown as NodeJS.WriteStream), stop: stop.signal });
    await nextTurn();
    expect(asked.count).toBe(1);
    expect(String(stream.read())).toBe('0');
    await nextTurn();
    await nextTurn();
    expect(asked.count).toBe(3);
    stop.abort();
    expect(await printed).toBe(false);
  });
});
