/** Puts our block into the user's tmux.conf and into the servers that run, and takes both back. */
import { readFileSync } from 'node:fs';
import { remoteFailed } from './failures.ts';
import type { RemoteFacts } from './look.ts';
import { putFile } from './put-file.ts';
import type { RemoteShell } from './remote-shell.ts';
import { withBlock, withoutBlock } from './tmux-block.ts';

const SERVERS = readFileSync(new URL('../../deploy/remote-tmux.sh', import.meta.url), 'utf8');
const MARK = 'tt:content\n';
const READ = `IFS= read -r file; printf "tt:content\\n"; cat "$file"`;
const REMOVE = `IFS= read -r file; if [ ! -s "$file" ]; then rm -f "$file"; fi`;

type TmuxFacts = Pick<RemoteFacts, 'tmuxConf' | 'dataDir'>;

/** Answers how many running servers read it. */
export async function addTmuxHooks(shell: RemoteShell, node: string, { tmuxConf, dataDir }: TmuxFacts): Promise<number> {
  const hooksFile = `${dataDir}/tmux-hooks.conf`;
  const before = tmuxConf.exists ? await readBytes(shell, tmuxConf.file) : '';
  // Bytes as latin1: whatever encoding the rest of it has stays.
  const after = withBlock(before, { hooksFile: Buffer.from(hooksFile).toString('latin1'), isNewFile: !tmuxConf.exists });
  if (after !== before) await putFile(shell, node, { path: tmuxConf.file, content: Buffer.from(after, 'latin1'), mode: 'keep' });
  return tellServers(shell, 'on', hooksFile);
}

/** Answers the file that was changed, undefined where there was no block. */
export async function removeTmuxHooks(shell: RemoteShell, node: string, { tmuxConf }: Pick<TmuxFacts, 'tmuxConf'>): Promise<string | undefined> {
  await tellServers(shell, 'off', '');
  if (!tmuxConf.exists) return undefined;
  const after = withoutBlock(await readBytes(shell, tmuxConf.file));
  if (after === undefined) return undefined;
  await putFile(shell, node, { path: tmuxConf.file, content: Buffer.from(after ?? '', 'latin1'), mode: 'keep' });
  if (after === null) await shell.run(REMOVE, { values: [tmuxConf.file] });
  return tmuxConf.file;
}

async function readBytes(shell: RemoteShell, file: string): Promise<string> {
  const { code, stdout } = await shell.run(READ, { values: [file], isRaw: true });
  const at = stdout.indexOf(MARK);
  // Cut off at its beginning it would be written back cut off.
  if (code !== 0 || at < 0) throw remoteFailed(`write ${file}`, shell.host);
  return stdout.slice(at + MARK.length);
}

async function tellServers(shell: RemoteShell, what: 'on' | 'off', file: string): Promise<number> {
  const { said } = await shell.run(SERVERS, { values: [what, file] });
  return Number(said.find(({ name }) => name === 'servers')?.value ?? 0);
}
