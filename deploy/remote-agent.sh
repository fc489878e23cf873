#!/bin/sh
# Run by `tt deploy` on the other machine: runs the agent's program. Reads Node,
# the program, and its arguments until the end, one a line. remote-places.sh goes
# before it.

IFS= read -r node && IFS= read -r agent || exit 1
set --
while IFS= read -r word; do set -- "$@" "$word"; done
find_user_manager
exec "$node" "$agent" "$@" </dev/null
