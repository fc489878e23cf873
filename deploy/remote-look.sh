#!/bin/sh
# Run by `tt deploy` on the other machine: tells what is there and changes
# nothing. Each answer is a line `tt:NAME=VALUE`; a login shell may have said
# anything before it. Reads one line: the oldest Node that will do, e.g. 20.19.
# remote-node.sh and remote-places.sh go before it.
# shellcheck disable=SC2154 # what that one sets

say() { printf 'tt:%s=%s\n' "$1" "$2"; }

say shell ok
[ -n "${HOME-}" ] || exit 0
IFS= read -r oldest
data_home=$(base "${XDG_DATA_HOME-}" .local/share)
state_home=$(base "${XDG_STATE_HOME-}" .local/state)
config_home=$(base "${XDG_CONFIG_HOME-}" .config)
data=$data_home/tt
state=$state_home/tt
say home "$HOME"
say data "$data"
say state "$state"
say system "$(uname -s) $(uname -m)"
say host "$(uname -n)"
say wish "${TT_LABEL:-${HOST_MACHINE-}}"

find_node "$oldest"
printf '%s' "$old_nodes" | while IFS= read -r each; do say old_node "$each"; done
if [ -n "$node" ]; then say node "$found_node"; fi

# The nearest directory that is there tells of room and rights.
nearest() {
  place=$1
  while [ ! -d "$place" ] && [ -n "$place" ]; do place=${place%/*}; done
  printf '%s' "${place:-/}"
}
for place in "$data" "$state"; do
  there=$(nearest "$place")
  if [ ! -w "$there" ] || [ ! -x "$there" ]; then say unwritable "$there"; fi
done
there=$(nearest "$data")
df -Pk "$there" 2>/dev/null | {
  IFS= read -r _
  read -r _ _ _ free _
  say room "$free"
}

# What is missing now was made by us if it is there later.
for place in "$HOME/.local" "$HOME/.local/bin" "$data_home" "$data" "$state_home" "$state" "$config_home" \
  "$config_home/systemd" "$config_home/systemd/user" "$config_home/systemd/user/default.target.wants"; do
  [ -d "$place" ] || say missing "$place"
done
for name in machine.json machine.key former-machines.json uplink.json events.jsonl status.jsonl kept bad hook.sh tmux-hooks.conf; do
  if [ -e "$data/$name" ]; then say had "$name"; fi
done
for file in "$data"/events-*.jsonl "$data"/status-*.jsonl "$state/checkpoints"; do
  if [ -e "$file" ]; then say had "${file##*/}"; fi
done
if [ -f "$data/deployed" ]; then say deployed yes; fi
if [ -f "$data/tt-agent.mjs.unproven" ] && [ -f "$data/tt-agent.mjs.previous" ]; then say unproven yes; fi
if [ -f "$data/collector.json" ]; then
  # Its key is in there as well, and stays there.
  say collector "$(sed -n 's/.*"collector_id": *"\([0-9a-f-]*\)".*/\1/p' "$data/collector.json" | head -n 1)"
fi
if [ -f "$data/machine.json" ]; then say machine "$(tr -d '\n' <"$data/machine.json")"; fi
if [ -f "$data/uplink.json" ]; then say uplink "$(tr -d '\n' <"$data/uplink.json")"; fi
for name in tt tt-agent; do
  file=$HOME/.local/bin/$name
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then
    say launcher "free $name"
  elif grep -q '^# Made by tt deploy' "$file" 2>/dev/null; then
    say launcher "ours $name"
  else
    say launcher "taken $name"
  fi
done
if [ -n "$node" ]; then
  # shellcheck disable=SC2016 # JavaScript
  "$node" -e '
    const { createHash } = require("crypto"), { readFileSync } = require("fs");
    for (const file of process.argv.slice(1)) {
      try { console.log(`tt:sha256=${createHash("sha256").update(readFileSync(file)).digest("hex")} ${file}`); } catch {}
    }' "$data/tt-agent.mjs" "$data/hook.sh" "$data/tmux-hooks.conf" </dev/null
fi

find_user_manager
case $(uname -s) in
  Darwin) keeper=launchd ;;
  *)
    case $(systemctl --user is-system-running 2>/dev/null) in
      running | degraded | starting | initializing | maintenance) keeper=systemd ;;
      *) keeper=background ;;
    esac
    ;;
esac
say keeper "$keeper"
if [ -f "$config_home/systemd/user/tt-agent.service" ] || [ -f "$data/tt-agent.sh" ] || [ -f "$HOME/Library/LaunchAgents/dev.tt.agent.plist" ]; then
  say service yes
fi

if version=$(tmux -V 2>/dev/null); then
  say tmux "${version#tmux }"
fi
file=$HOME/.tmux.conf
if [ ! -e "$file" ] && [ -e "$config_home/tmux/tmux.conf" ]; then file=$config_home/tmux/tmux.conf; fi
say tmux_conf "$file"
if [ -e "$file" ]; then say tmux_conf_there yes; fi
if grep -q '^# >>> tt ' "$file" 2>/dev/null; then say tmux_block yes; fi
say end yes
