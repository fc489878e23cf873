#!/bin/sh
# Run by `tt deploy` on the other machine: runs the agent's program. Reads Node,
# the program, and its arguments until the end, one a line.

IFS= read -r node && IFS= read -r agent || exit 1
set --
while IFS= read -r word; do set -- "$@" "$word"; done
# systemctl finds the user's manager by it; a login by ssh may lack it.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -d "/run/user/$(id -u)" ]; then
  XDG_RUNTIME_DIR=/run/user/$(id -u)
  export XDG_RUNTIME_DIR
fi
exec "$node" "$agent" "$@" </dev/null
