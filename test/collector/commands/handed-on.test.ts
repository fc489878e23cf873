import { expect, it } from 'vitest';
import { agentCommands } from '../../../agent/commands/table.ts';
import { COMMANDS, HANDED_ON } from '../../../collector/commands/table.ts';
import { modelProcesses } from '../../support/model-processes.ts';

const firstWords = (commands: readonly { name: string }[]): string[] => commands.map(({ name }) => name.split(' ')[0] ?? '');

it('tt passes on every command of tt-agent that is not also its own', () => {
  const own = firstWords(COMMANDS);
  const others = firstWords(agentCommands(() => modelProcesses())).filter((word) => !own.includes(word));
  expect([...new Set(others)].toSorted()).toEqual(HANDED_ON.toSorted());
});
