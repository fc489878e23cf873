/** Our few lines in the user's tmux.conf: marked, and removable to the byte. */

const BEGIN = '# >>> tt ';
const END = '# <<< tt\n';
/** Said in the first line of the block, for whoever removes it. */
const MADE = 'made this file';
const JOINED = 'ended the line before';

export interface TmuxBlock {
  /** The hooks' file, absolute. */
  hooksFile: string;
  /** There was no tmux.conf. */
  isNewFile: boolean;
}

/** `text` with the block as its end: a later `set-hook -g` without an index would replace every hook of its name. */
export function withBlock(text: string, { hooksFile, isNewFile }: TmuxBlock): string {
  const found = findBlock(text);
  const others = found ? text.slice(0, found.from) + text.slice(found.to) : text;
  const wasMade = isNewFile || (found?.isMade ?? false);
  const needsBreak = !others.endsWith('\n') && others !== '';
  const isJoined = needsBreak || (found?.isJoined ?? false);
  const notes = [...(wasMade ? [MADE] : []), ...(isJoined ? [JOINED] : [])].map((note) => `; ${note}`).join('');
  return `${others}${needsBreak ? '\n' : ''}${BEGIN}by tt deploy${notes}; tt undeploy removes these lines\nsource-file ${quoted(hooksFile)}\n${END}`;
}

/** `text` as it was; null: the file was ours and holds nothing else. Undefined: there is no block. */
export function withoutBlock(text: string): string | null | undefined {
  const found = findBlock(text);
  if (!found) return undefined;
  const before = text.slice(0, found.from);
  const after = text.slice(found.to);
  const rest = (found.isJoined && after === '' ? before.replace(/\n$/, '') : before) + after;
  return found.isMade && rest === '' ? null : rest;
}

function findBlock(text: string): { from: number; to: number; isMade: boolean; isJoined: boolean } | undefined {
  const at = text.startsWith(BEGIN) ? 0 : text.indexOf(`\n${BEGIN}`) + 1;
  if (at === 0 && !text.startsWith(BEGIN)) return undefined;
  const end = text.indexOf(END, at);
  if (end < 0) return undefined;
  const first = text.slice(at, text.indexOf('\n', at));
  return { from: at, to: end + END.length, isMade: first.includes(MADE), isJoined: first.includes(JOINED) };
}

/** In tmux's single quotes nothing counts but a single quote. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'"'"'`)}'`;
}

const SAFE_PATH = /^[\w./@+-]+$/;

/**
 * The hooks' file for a machine whose data and state lie there. A tmux server may
 * have other XDG variables than a login by ssh, and the hook must write where the
 * agent reads. Limit: only where the paths need no quoting; others are found by
 * the server's own variables.
 */
export function hooksFor(conf: string, { dataDir, stateDir }: { dataDir: string; stateDir: string }): string {
  if (!SAFE_PATH.test(dataDir) || !SAFE_PATH.test(stateDir)) return conf;
  const parent = (path: string): string => path.replace(/\/[^/]*$/, '');
  const own = `XDG_DATA_HOME=${parent(dataDir)} XDG_STATE_HOME=${parent(stateDir)}; hook=${dataDir}/hook.sh; `;
  return conf.replace(/hook=\\"[^;]*; /, () => own);
}
