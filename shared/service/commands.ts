/** `install`, `uninstall` and `logs` of both programs: the same but for what is kept running. */
import { JSON_OPTION, type CommandSpec } from '../cli.ts';
import type { ServiceProgram } from './service.ts';

/** The three commands, under `prefix` (`''` or `collector `). */
export function serviceCommands(prefix: string, program: ServiceProgram): CommandSpec[] {
  const { words } = program;
  return [
    {
      name: `${prefix}install`,
      summary: 'Keep it running: by systemd or launchd where they are, else in the background; again after a boot',
      example: `${words} install`,
      options: [JSON_OPTION],
      load: async () => {
        const { install } = await import('./actions.ts');
        return (parsed, io) => install(program, parsed, io);
      },
    },
    {
      name: `${prefix}uninstall`,
      summary: 'Stop it and remove what install wrote; data and identity stay',
      example: `${words} uninstall`,
      options: [JSON_OPTION],
      load: async () => {
        const { uninstall } = await import('./actions.ts');
        return (parsed, io) => uninstall(program, parsed, io);
      },
    },
    {
      name: `${prefix}logs`,
      summary: 'Print the newest lines of its log',
      example: `${words} logs --lines 20`,
      options: [{ flags: '--lines <n>', description: 'how many', default: '100' }, { flags: '-f, --follow', description: 'and go on until Ctrl-C' }],
      load: async () => {
        const { logs } = await import('./actions.ts');
        return (parsed, io) => logs(program, parsed, io);
      },
    },
  ];
}
