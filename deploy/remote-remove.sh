#!/bin/sh
# Run by `tt undeploy` on the other machine: removes what tt made there, and
# nothing else. Reads three lines: data and state directory, and `keep` where
# identity and data stay, and the note of what was there before `tt deploy`; all
# that stays in any case. remote-places.sh goes before it.

IFS= read -r data && IFS= read -r state && IFS= read -r keep || exit 1
had=' ' made=
if [ -f "$data/deployed" ]; then
  while read -r kind rest; do
    case $kind in
      had) had="$had$rest " ;;
      # The deepest come first.
      made) made=$rest'
'$made ;;
    esac
  done <"$data/deployed"
fi

for name in tt-agent tt; do
  file=$HOME/.local/bin/$name
  if grep -q '^# Made by tt deploy' "$file" 2>/dev/null; then rm -f "$file"; fi
done
rm -f "$data/tt-agent.mjs" "$data/tt-agent.mjs.previous" "$data/tt-agent.mjs.unproven"
# What is called $1 now: unless something of that name was there.
gone() {
  name=$1
  shift
  case $had in
    *" $name"*) ;;
    *) rm -rf "$@" ;;
  esac
}
gone 'hook.sh ' "$data/hook.sh"
gone 'tmux-hooks.conf ' "$data/tmux-hooks.conf"
rm -f "$state/endpoint.json" "$state/agent.lock" "$state/run/agent.sock" "$state"/run/in-*.sock "$state"/run/enrol-*.sock
shared=/tmp/tt-$(id -u)
if is_ours "$shared"; then
  rm -f "$shared"/in-*.sock "$shared"/enrol-*.sock
  rmdir "$shared" 2>/dev/null
fi
if [ "$keep" != keep ]; then
  for name in machine.json machine.key former-machines.json uplink.json kept bad deployed; do gone "$name " "$data/$name"; done
  gone 'checkpoints ' "$state/checkpoints"
  # A log that has grown goes on under another name: with one of them all are from before.
  gone events "$data"/events.jsonl "$data"/events-*.jsonl
  gone status "$data"/status.jsonl "$data"/status-*.jsonl
  rm -f "$state/agent-status.json" "$state/open-statuses.jsonl" "$state"/log/agent.log* "$state/log/hook.log" "$state/tt-agent.pid"
fi
rmdir "$state/run" "$state/log" "$state" "$data" 2>/dev/null
printf '%s' "$made" | while IFS= read -r directory; do rmdir "$directory" 2>/dev/null; done
for place in "$data" "$state"; do
  if [ -d "$place" ]; then for file in "$place"/* "$place"/.[!.]*; do if [ -e "$file" ]; then printf 'tt:left=%s\n' "$file"; fi; done; fi
done
printf 'tt:removed=yes\n'
