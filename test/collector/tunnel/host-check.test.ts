import { expect, it } from 'vitest';
import { checkHost } from '../../../collector/tunnel/host-check.ts';

it('takes exit status 0 for a host that runs, and nothing else', async () => {
  expect(await checkHost('true')).toBe(true);
  expect(await checkHost('echo running | grep -q running')).toBe(true);
  expect(await checkHost('exit 3')).toBe(false);
  expect(await checkHost('no-such-command-here')).toBe(false);
});
