import { expect, it } from 'vitest';
import { lastSeconds } from '../../../collector/web/flow-panel.tsx';
import { agentWords } from '../../../collector/web/store-panel.tsx';

it('seconds in which no message came had no events', () => {
  const rate = { schema: 1, second: 100, stored: [1, 2, 3] } as const;
  expect(lastSeconds({ ...rate, stored: [...rate.stored] }, 100_900)).toEqual([1, 2, 3]);
  expect(lastSeconds({ ...rate, stored: [...rate.stored] }, 102_000)).toEqual([3, 0, 0]);
  expect(lastSeconds({ ...rate, stored: [...rate.stored] }, 500_000)).toEqual([0, 0, 0]);
  expect(lastSeconds({ ...rate, stored: [...rate.stored] }, 90_000)).toEqual([1, 2, 3]);
});

it('agents are counted by version, those that have ended not', () => {
  const agent = (version: string | null, ended_at: string | null = null) => ({ version, ended_at });
  expect(agentWords([agent(null), agent('0.0.1', 'x')])).toBe('no agent has told its own');
  expect(agentWords([agent('1'), agent('1')])).toBe('2 agents 1');
  expect(agentWords([agent('1'), agent('2'), agent('2')])).toBe('agents 2 (2), 1 (1)');
});
