#!/bin/sh
# Keeps a program of tt running where there is neither systemd nor launchd:
#
#   background.sh start PIDFILE LOG STATUS COMMAND…
#   background.sh stop PIDFILE
#
# `start` does nothing where it runs already, so that cron may call it at every
# boot. The program is started again five seconds after it ended, unless it ended
# with exit status STATUS. It turns its log over itself; what it prints beside
# that is appended to LOG.
set -u

usage() {
  echo 'usage: background.sh start PIDFILE LOG STATUS COMMAND… | background.sh stop PIDFILE' >&2
  exit 2
}

# Prints the keeper's process ID where it lives. Its arguments are looked at as
# well: after a boot another process may have the ID.
keeper() {
  [ -s "$1" ] || return 1
  read -r pid <"$1" || return 1
  case $(ps -p "$pid" -o args= 2>/dev/null) in
    *"keep $1 "*) echo "$pid" ;;
    *) return 1 ;;
  esac
}

keep() {
  pid_file=$1 log=$2 final=$3
  shift 3
  echo $$ >"$pid_file"
  stopped=no child=
  trap 'stopped=yes; if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi' TERM INT HUP
  while [ "$stopped" = no ]; do
    "$@" >>"$log" 2>&1 &
    child=$!
    wait_for_child
    if [ "$status" -eq "$final" ] || [ "$stopped" = yes ]; then break; fi
    sleep 5 &
    child=$!
    wait_for_child
  done
  rm -f "$pid_file"
}

# A signal ends `wait` before the child has ended.
wait_for_child() {
  wait "$child"
  status=$?
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
  done
  child=
}

umask 077
case ${1-} in
  start)
    [ $# -ge 5 ] || usage
    shift
    if keeper "$1" >/dev/null; then exit 0; fi
    # In a session of its own: it outlives this login.
    setsid /bin/sh "$0" keep "$@" </dev/null >/dev/null 2>&1 &
    ;;
  keep)
    shift
    keep "$@"
    ;;
  stop)
    [ $# -eq 2 ] || usage
    pid=$(keeper "$2") || exit 0
    kill -TERM "$pid"
    # Not every sleep knows fractions.
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1 2>/dev/null || sleep 1; done
    ;;
  *) usage ;;
esac
