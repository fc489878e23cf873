/**
 * The line for a shell that brings a person to a session: to its place in tmux
 * where the harness's registry told one, else the session taken up again in its
 * directory. Everything in it that another machine said is quoted.
 */
import { quoteForSh } from '../../shared/sh-words.ts';

export interface SessionWhere {
  sessionId: string;
  /** Null: on this computer. */
  host: string | null;
  project: string | null;
  /** `%3`, and the name of its tmux session; null: not in tmux, or not known. */
  paneId: string | null;
  tmuxSession: string | null;
  /** Its process still runs. */
  isLive: boolean;
}

export interface AttachOptions {
  /** The shell here runs in tmux: a client cannot attach within another. */
  isInTmux: boolean;
}

export function attachCommand(where: SessionWhere, { isInTmux }: AttachOptions): string {
  const { host, paneId, tmuxSession } = where;
  const inTmux = where.isLive && paneId !== null && tmuxSession !== null && /^%\d{1,10}$/.test(paneId);
  const command = inTmux ? tmuxCommand(paneId, tmuxSession, isInTmux && host === null) : resumeCommand(where);
  return host === null ? command : `ssh -t ${quote(host)} ${quote(command)}`;
}

function tmuxCommand(paneId: string, session: string, isInTmux: boolean): string {
  // `=`: this name and no other that begins with it.
  const last = `${isInTmux ? 'switch-client' : 'attach-session'} -t ${quote(`=${session}`)}`;
  return `tmux select-window -t ${paneId} \\; select-pane -t ${paneId} \\; ${last}`;
}

/** How Claude Code goes on with a session, where it was said to. */
export function resumeCommand({ sessionId, project }: Pick<SessionWhere, 'sessionId' | 'project'>): string {
  const resume = `claude --resume ${quote(sessionId)}`;
  return project === null ? resume : `cd ${quote(project)} && ${resume}`;
}

/** For a POSIX shell; plain words stay as they are. A line break or an escape in it would not be seen, so it goes. */
export function quote(text: string): string {
  const visible = text.replace(/\p{Cc}/gu, '');
  return /^[\w@%+=:,./-]+$/.test(visible) && !/^[-=]/.test(visible) ? visible : quoteForSh(visible);
}
