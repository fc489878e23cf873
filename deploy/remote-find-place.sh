#!/bin/sh
# Run by a tunnel on the other machine: prints `tt place`, the state directory and
# a directory for sockets, each on a line of its own, and makes both. Reads one
# line: `tmp` where sockets must lie in /tmp. remote-places.sh goes before it.
# shellcheck disable=SC2154 # what that one sets

umask 077
IFS= read -r where
state=$(base "${XDG_STATE_HOME-}" .local/state)/tt
make_sockets "$state" "$where" || {
  echo 'tt tunnel path' >&2
  exit 1
}
printf 'tt place\n%s\n%s\n' "$state" "$sockets"
