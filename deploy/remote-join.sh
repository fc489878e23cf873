#!/bin/sh
# Run by `tt deploy` on the other machine, behind a forwarded socket or port:
# enrols it. Reads five lines: the socket ('' for a port), the address, Node, the
# agent, and the code, which no command line ever shows.

IFS= read -r socket && IFS= read -r url && IFS= read -r node && IFS= read -r agent && IFS= read -r code || exit 1
if [ -n "$socket" ]; then
  trap 'rm -f "$socket"' EXIT
  [ -S "$socket" ] || {
    echo 'tt tunnel refused' >&2
    exit 254
  }
fi
printf '%s\n' "$code" | "$node" "$agent" join "$url" --code - >&2
