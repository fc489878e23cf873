#!/bin/sh
# Goes before the scripts that have to know where things lie on the other machine,
# and does nothing by itself.

# The XDG standard: a relative path in its variables is ignored. $1: the
# variable's value, $2: what stands for it, below HOME.
base() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s' "$HOME/$2" ;;
  esac
}

# Sets `sockets` to a private directory for them and makes it: below the state
# directory $1, or in /tmp where $2 is `tmp` or the path would be too long (that of
# a socket has 103 bytes at most). False: it can not be made, or is not ours.
make_sockets() {
  sockets=$1/run
  if [ "$2" = tmp ] || [ "${#sockets}" -gt 70 ]; then sockets=/tmp/tt-$(id -u); fi
  mkdir -p "$1" "$sockets" && is_ours "$sockets" && chmod 700 "$sockets"
}

# In /tmp anybody may have made it first.
is_ours() { [ ! -L "$1" ] && [ -O "$1" ]; }

# systemctl finds the user's manager by it; a login by ssh may lack it.
find_user_manager() {
  if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -d "/run/user/$(id -u)" ]; then
    XDG_RUNTIME_DIR=/run/user/$(id -u)
    export XDG_RUNTIME_DIR
  fi
}
