#!/bin/sh
# Run by `tt deploy` and `tt undeploy` on the other machine: `on FILE` has every
# running tmux server of this user read FILE; `off` takes back what it set. Reads
# two lines.

IFS= read -r what && IFS= read -r file || exit 1
count=0
for socket in "${TMUX_TMPDIR:-/tmp}/tmux-$(id -u)"/*; do
  [ -S "$socket" ] || continue
  server() { tmux -S "$socket" "$@" </dev/null 2>/dev/null; }
  # Asked of those that run: none is started.
  server list-sessions >/dev/null || continue
  count=$((count + 1))
  if [ "$what" = on ]; then
    server source-file "$file"
    continue
  fi
  for hook in pane-focus-in after-select-pane session-window-changed client-session-changed pane-mode-changed; do
    server set-hook -gu "${hook}[71]"
  done
  # tmux-hooks.conf noted how it was.
  if [ "$(server show-options -gqv @tt-focus-before)" = 0 ]; then server set-option -g focus-events off; fi
  for option in @tt-focus-before @tt-args @tt-hook; do server set-option -gqu "$option"; done
done
printf 'tt:servers=%s\n' "$count"
