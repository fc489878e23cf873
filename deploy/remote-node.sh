#!/bin/sh
# Goes before the scripts that need Node.js on the other machine, and does nothing
# by itself. `find_node OLDEST` (e.g. 20.19) sets `node` to the first that is new
# enough ('' for none), `found_node` to its version and path, and `old_nodes` to
# those that are too old, a line each.

# shellcheck disable=SC2034 # read by what comes after this
try_node() {
  { [ -z "$node" ] && [ -f "$1" ] && [ -x "$1" ]; } || return 0
  # shellcheck disable=SC2016 # JavaScript
  found=$("$1" -p '`${process.versions.node} ${process.execPath}`' </dev/null 2>/dev/null) || return 0
  version=${found%% *}
  major=${version%%.*}
  rest=${version#*.}
  case $major${rest%%.*} in '' | *[!0-9]*) return 0 ;; esac
  if [ "$major" -gt "${oldest_node%.*}" ] || { [ "$major" -eq "${oldest_node%.*}" ] && [ "${rest%%.*}" -ge "${oldest_node#*.}" ]; }; then
    node=${found#* }
    found_node=$found
  else
    old_nodes=$old_nodes$found'
'
  fi
}

# A shell that is not a login shell has a short PATH, so the usual places are
# looked at as well, and what a login shell would take.
find_node() {
  oldest_node=$1
  node=
  found_node=
  old_nodes=
  share=${XDG_DATA_HOME:-$HOME/.local/share}
  try_node "$(command -v node 2>/dev/null)"
  for place in /usr/local/bin/node /usr/bin/node /opt/homebrew/bin/node /opt/node/bin/node /snap/bin/node \
    "$HOME"/.local/bin/node "$HOME"/bin/node "$HOME"/.volta/bin/node "$HOME"/n/bin/node \
    "${NVM_DIR:-$HOME/.nvm}"/versions/node/*/bin/node \
    "$share"/fnm/node-versions/*/installation/bin/node "$HOME"/.fnm/node-versions/*/installation/bin/node \
    "$share"/mise/installs/node/*/bin/node "$HOME"/.asdf/installs/nodejs/*/bin/node; do
    try_node "$place"
  done
  if [ -z "$node" ]; then
    try_node "$("${SHELL:-/bin/sh}" -lc 'command -v node' </dev/null 2>/dev/null | tail -n 1)"
  fi
}
