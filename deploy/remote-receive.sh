#!/bin/sh
# Run by `tt sessions push` on the other machine: the agent's program takes a
# session from the rest of stdin. Reads Node and the program first, one a line;
# `read` takes no byte behind its line.

IFS= read -r node && IFS= read -r agent || exit 1
[ -f "$agent" ] || { printf 'tt:agent=none\n'; exit 0; }
exec "$node" "$agent" receive
