/**
 * Names of archived files: relative to Claude Code's `projects/` and to the
 * machine's directory in the archive alike, with `/` between the parts. Both ends
 * parse them here, so that no other name is ever opened, whoever wrote it.
 */

export interface ArchiveName {
  /** As it goes over the wire. */
  readonly name: string;
  readonly parts: readonly string[];
  /** The project's directory. */
  readonly project: string;
  /** ID of the session as the path has it. */
  readonly session: string;
  /** `<project>/<session>.jsonl`. */
  readonly isTranscript: boolean;
}

/** Directories of a session that hold its files (claude-logs §1). */
export const SESSION_DIRECTORIES: readonly string[] = ['subagents', 'workflows', 'tool-results'];
/** Large outputs of tools; the transcript points to them. */
export const TOOL_RESULTS = 'tool-results';

const NAME_BYTES = 1024;
const DIRECTORY_BYTES = 255;
/** Room for the ending of a previous content. */
const FILE_BYTES = 215;
const MAX_PARTS = 12;
/** No control characters, nothing that is a separator somewhere, nothing that was no UTF-8. */
// oxlint-disable-next-line no-control-regex
const PART = /^[^\u0000-\u001f\u007f/\\\ufffd\p{Surrogate}]+$/u;
const PREVIOUS = /\.before-\d{8}T\d{6}Z(-\d+)?$/;

/** Undefined: no name of a session's file. */
export function parseArchiveName(name: string): ArchiveName | undefined {
  if (Buffer.byteLength(name) > NAME_BYTES) return undefined;
  const parts = name.split('/');
  const [project, second, third] = parts;
  const file = parts.at(-1);
  if (project === undefined || second === undefined || file === undefined || parts.length > MAX_PARTS) return undefined;
  if (!parts.every(isPart) || Buffer.byteLength(file) > FILE_BYTES || isPreviousName(file)) return undefined;
  if (parts.length === 2) {
    if (!second.endsWith('.jsonl') || second.startsWith('.') || second === '.jsonl') return undefined;
    return { name, parts, project, session: second.slice(0, -'.jsonl'.length), isTranscript: true };
  }
  if (parts.length < 4 || third === undefined || !SESSION_DIRECTORIES.includes(third)) return undefined;
  return { name, parts, project, session: second, isTranscript: false };
}

function isPart(part: string): boolean {
  return part !== '.' && part !== '..' && PART.test(part) && Buffer.byteLength(part) <= DIRECTORY_BYTES;
}

/** Did a session's file keep its name, and only its project's directory become another? */
export function isSameInSession(a: ArchiveName, b: ArchiveName): boolean {
  return a.parts.slice(1).join('/') === b.parts.slice(1).join('/');
}

/** What a file had in it before it was written anew: no name that a reader of sessions takes for one. */
export function previousName(file: string, at: Date, again: number): string {
  const time = at.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `${file}.before-${time}${again === 0 ? '' : `-${again}`}`;
}

export function isPreviousName(file: string): boolean {
  return PREVIOUS.test(file);
}

/** `x.jsonl.before-…` is a previous content of `x.jsonl`. */
export function withoutPrevious(file: string): string {
  return file.replace(PREVIOUS, '');
}
