import { describe, expect, it } from 'vitest';
import { toExitCode } from '../../shared/errors.ts';

describe('the exit code of another program', () => {
  it('is taken over where it is known here, and a failure where it is not', () => {
    expect([0, 3, 6, 130, 7, -1, 1.5].map(toExitCode)).toEqual([0, 3, 6, 130, 1, 1, 1]);
  });
});
