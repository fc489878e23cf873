import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../shared/question.ts';

function person(): { stdin: PassThrough; stderr: { write(text: string): void; isTTY: boolean; columns: number }; stop: AbortSignal; printed: () => string; pressCtrlC: () => void } {
  const stop = new AbortController();
  let printed = '';
  return {
    stdin: Object.assign(new PassThrough(), { isTTY: true }), stderr: { write: (text) => void (printed += text), isTTY: true, columns: 80 },
    stop: stop.signal, printed: () => printed, pressCtrlC: () => stop.abort(),
  };
}

describe('a question', () => {
  it('is answered by the first line, however it comes', async () => {
    const io = person();
    const answer = readAnswer(io, 'Which? ');
    for (const part of ['  caf', Buffer.from([0xc3]), Buffer.from([0xa9]), ' \r\nrest']) io.stdin.write(part);
    expect(await answer).toBe('café');
    expect(io.printed()).toBe('Which? ');
  });

  it('leaves the answer of the next one where it is', async () => {
    const io = person();
    const first = readAnswer(io, 'One? ');
    io.stdin.write('1\n');
    await first;
    io.stdin.write('2\n');
    expect(await readAnswer(io, 'Two? ')).toBe('2');
    expect(io.stdin.listenerCount('data')).toBe(0);
  });

  it('ends by Ctrl-C with 130, and takes nothing that is typed later for its answer', async () => {
    const io = person();
    const answer = readAnswer(io, 'Sure? ');
    io.pressCtrlC();
    io.stdin.write('yes\n');
    await expect(answer).rejects.toMatchObject({ code: 'interrupted', exitCode: 130, hint: expect.stringMatching(/again/) as string });
    await expect(readAnswer(io, 'Sure? ')).rejects.toMatchObject({ code: 'interrupted' });
    expect(io.stdin.isPaused()).toBe(true);
  });

  it('is not printed where a program answers, and is answered by its end as well', async () => {
    const { stderr, stop, printed } = person();
    expect(await readAnswer({ stdin: Readable.from([Buffer.from('code')]), stderr, stop }, 'Code? ')).toBe('code');
    const ended = Readable.from([]);
    expect(await readAnswer({ stdin: ended, stderr, stop }, 'Code? ')).toBe('');
    expect(await readAnswer({ stdin: ended, stderr, stop }, 'Code? ')).toBe('');
    expect(printed()).toBe('');
  });

  it('takes no more than it needs of what never ends', async () => {
    const { stderr, stop } = person();
    const endless = new Readable({ read() { this.push('x'.repeat(512)); } });
    expect((await readAnswer({ stdin: endless, stderr, stop }, '')).length).toBeLessThan(64 * 1024);
    endless.destroy();
  });
});
