/** The commands that set up other machines, and clear them again. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

const YES = { flags: '--yes', description: 'ask nothing' };

export const DEPLOY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'deploy',
    summary: 'Set a machine up by ssh, or bring it up to date: agent, identity, tunnel, service, tmux hooks; again repairs',
    example: 'tt deploy me@devbox --label devbox',
    arguments: [{ syntax: '[host]', description: 'as ssh takes it, e.g. a name of ~/.ssh/config; or the label of a machine that has a tunnel' }],
    options: [
      { flags: '--label <label>', description: 'what to call it; else TT_LABEL or HOST_MACHINE there, else its host name' },
      { flags: '--all', description: 'every machine that has a tunnel, one by one' },
      { flags: '--keep-going', description: 'with --all: go on with the next after a failure' },
      { flags: '--no-tmux', description: 'without the hooks that tell which pane you look at' },
      { flags: '--no-service', description: 'install nothing that keeps the agent running' },
      { flags: '--wait <seconds>', description: 'how long an agent may take to connect; a new one that does not is replaced by the one of before', default: '30' },
      { flags: '--dry-run', description: 'look, and print what would be done' },
      YES,
      JSON_OPTION,
    ],
    load: async () => (await import('./deploy.ts')).deploy,
  },
  {
    name: 'undeploy',
    summary: 'Take a machine off: its service, files and hooks go, it is retired; what it sent stays here',
    example: 'tt undeploy devbox',
    arguments: [{ syntax: '<host>', description: 'the host given to tt deploy, or its label' }],
    options: [
      { flags: '--keep-data', description: 'leave its identity, event log and state there' },
      YES,
      JSON_OPTION,
    ],
    load: async () => (await import('./undeploy.ts')).undeploy,
  },
];
