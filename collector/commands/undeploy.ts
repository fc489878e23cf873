import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { createProgress } from '../deploy/progress.ts';
import { shellAt } from '../deploy/shell-at.ts';
import { unarchivedWords } from '../deploy/unarchived.ts';
import { undeployHost } from '../deploy/undeploy-host.ts';
import { isConfirmed } from './confirm.ts';
import { hostOf, runningCollector } from './other-machine.ts';

const JSON_SCHEMA = 1;

export async function undeploy(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [name = ''] = parsed.args;
  const keepData = flag(parsed, 'keepData');
  const control = runningCollector(io);
  const { tunnels } = await control.call('tunnels.list', {});
  const host = hostOf(name, tunnels);
  const progress = createProgress(host, io);
  const known = tunnels.find((row) => row.host === host);
  const note = unarchivedWords((await control.call('archive.list', {})).machines.find(({ machine_id }) => machine_id === known?.machine_id), host);
  if (note !== undefined) progress.say(note);
  const agree = async (label: string | undefined): Promise<boolean> => flag(parsed, 'yes')
    || isConfirmed(io, questionOf(host, label, keepData), 'repeat it with --yes');
  const shell = shellAt(host, io);
  try {
    const { label = null, left } = await undeployHost({ keepData }, { shell, control, clock: io.clock, stop: io.stop, progress, agree });
    io.stdout.write(flag(parsed, 'json')
      ? `${JSON.stringify({ schema: JSON_SCHEMA, host, label, left, steps: progress.done, notes: note === undefined ? [] : [note] })}\n`
      : `${label ?? host} is off; what it sent stays here${label === null ? '' : ` (to remove that too: tt forget ${label})`}\n`);
    return EXIT_CODES.ok;
  } finally {
    await shell.close();
  }
}

function questionOf(host: string, label: string | undefined, keepData: boolean): string {
  const data = keepData ? '' : ', its event log and its identity';
  return `This will remove tt's service, hooks and files${data} from ${host}${label === undefined ? '' : `, and retire ${label}`}.`;
}
