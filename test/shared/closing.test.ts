import { describe, expect, it } from 'vitest';
import { createClosing } from '../../shared/closing.ts';

describe('what was opened', () => {
  it('is closed in the opposite order, once', async () => {
    const closing = createClosing();
    const closed: string[] = [];
    closing.add(() => void closed.push('lock'));
    closing.add(async () => {
      await Promise.resolve();
      closed.push('socket');
    });
    await Promise.all([closing.close(), closing.close()]);
    expect(closed).toEqual(['socket', 'lock']);
  });

  it('is closed to its end where parts of it fail, and the first failure is told', async () => {
    const closing = createClosing();
    const closed: string[] = [];
    closing.add(() => void closed.push('lock'));
    closing.add(() => {
      throw new Error('later');
    });
    closing.add(() => Promise.reject(new Error('first')));
    await expect(closing.close()).rejects.toThrow('first');
    expect(closed).toEqual(['lock']);
  });
});
