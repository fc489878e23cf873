import { describe, expect, it } from 'vitest';
import type { FromWriter, ToWriter } from '../../../collector/writer/messages.ts';
import { createWriter, type WriterChannel } from '../../../collector/writer/writer.ts';
import { machineId } from '../../support/scripted-agent.ts';

function channel(): WriterChannel & { say(message: FromWriter): void; exit(error?: Error): void; posted: ToWriter[] } {
  const posted: ToWriter[] = [];
  let onMessage: (message: FromWriter) => void = () => {};
  let onExit: (error: Error | undefined) => void = () => {};
  return {
    posted,
    post: (message) => posted.push(message),
    onMessage: (listener) => (onMessage = listener),
    onExit: (listener) => (onExit = listener),
    say: (message) => onMessage(message),
    exit: (error) => onExit(error),
  };
}

describe('the main thread’s end of the writer', () => {
  it('learns of a thread that died: every call fails, and nothing waits for ever', async () => {
    const thread = channel();
    const writer = createWriter(thread);
    thread.say({ kind: 'ready' });
    const call = writer.call('ledger', machineId());
    writer.send({ kind: 'batch', connection: 1, machine: { machineId: machineId(), enrolledAtMs: 0 }, receivedAtMs: 0, lane: 'live', bytes: new ArrayBuffer(1), isCompressed: false });
    const idle = writer.idle();
    thread.exit(new Error('out of memory'));
    await expect(call).rejects.toMatchObject({ code: 'writer_gone' });
    await expect(writer.failure).rejects.toThrow(/out of memory/);
    await expect(writer.call('rebuild')).rejects.toMatchObject({ code: 'writer_gone' });
    await idle;
    await writer.close();
    expect(thread.posted.map(({ kind }) => kind)).toEqual(['call', 'batch']);
  });

  it('takes nothing once it is closing, and ends when the thread has ended', async () => {
    const thread = channel();
    const writer = createWriter(thread);
    const [first, second] = [writer.close(), writer.close()];
    await expect(writer.call('rebuild')).rejects.toMatchObject({ code: 'shutting_down' });
    thread.exit();
    await Promise.all([first, second]);
    expect(thread.posted.map(({ kind }) => kind)).toEqual(['close']);
  });

  it('does not open where the database does not', async () => {
    const thread = channel();
    const writer = createWriter(thread);
    thread.say({ kind: 'failed', code: 'database_foreign', message: 'not ours', hint: 'move it away' });
    await expect(writer.opened()).rejects.toMatchObject({ code: 'database_foreign', hint: 'move it away' });
  });
});
