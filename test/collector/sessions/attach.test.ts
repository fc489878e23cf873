import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { attachCommand, quote, type SessionWhere } from '../../../collector/sessions/attach.ts';

const where: SessionWhere = { sessionId: '6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11', host: 'devbox', project: '/home/me/shop', paneId: '%3', tmuxSession: 'dev', isLive: true };
const away = { isInTmux: false };

describe('the line that brings a person to a session', () => {
  it('goes to its pane on its machine', () => {
    expect(attachCommand(where, away)).toBe("ssh -t devbox 'tmux select-window -t %3 \\; select-pane -t %3 \\; attach-session -t '\\''=dev'\\'''");
  });

  it('switches the client where the person is in the same tmux, and only there', () => {
    expect(attachCommand({ ...where, host: null }, { isInTmux: true })).toBe("tmux select-window -t %3 \\; select-pane -t %3 \\; switch-client -t '=dev'");
    expect(attachCommand({ ...where, host: null }, away)).toContain('attach-session');
    expect(attachCommand(where, { isInTmux: true })).toContain('attach-session');
  });

  it.each([
    ['its process is gone', { isLive: false }], ['it is in no tmux', { paneId: null }], ['its pane has no name of one', { paneId: '%3; reboot' }],
  ])('takes it up again in its directory where %s', (_, change) => {
    expect(attachCommand({ ...where, ...change }, away)).toBe("ssh -t devbox 'cd /home/me/shop && claude --resume 6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11'");
  });

  it('does without a directory that nobody knows', () => {
    expect(attachCommand({ ...where, host: null, isLive: false, project: null }, away)).toBe('claude --resume 6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11');
  });
});

describe('what other machines said', () => {
  it.each(['a b', "it's", '$(touch /x)', '`id`', '; rm -rf ~', '-rf', '=ls', '', '"', '\\', '* ?', '~', '!!', 'naïve 🙂'])('%j reaches a shell as one word', (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf '<%s>' ${quote(text)}`], { encoding: 'utf8' })).toBe(`<${text}>`);
  });

  it('holds no line break and no escape', () => {
    expect(quote('a\nb\u001b[2J')).toBe("'ab[2J'");
  });

  it('stays one word through ssh too, which gives it to a second shell', () => {
    const command = attachCommand({ ...where, isLive: false, project: "/tmp/it's $(id) & co" }, away);
    const asSecondShell = command.replace(/^ssh -t devbox /, '/bin/sh -c ').replace(/cd /, 'printf %s ').replace(/ && claude.*'$/, "'");
    expect(execFileSync('/bin/sh', ['-c', asSecondShell], { encoding: 'utf8' })).toBe("/tmp/it's $(id) & co");
  });
});
