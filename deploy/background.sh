#!/bin/sh
# Keeps a program of tt running where there is neither systemd nor launchd:
#
#   background.sh start PIDFILE LOG STATUS COMMAND…
#   background.sh stop PIDFILE
#   background.sh running PIDFILE
#
# `start` does nothing where it runs already, so that cron may call it at every
# boot; `running` tells by its exit status. The program is started again five
# seconds after it ended, unless it ended with exit status STATUS. It turns its log
# over itself; what it prints beside that is appended to LOG.
set -u

usage() {
  echo 'usage: background.sh start PIDFILE LOG STATUS COMMAND… | background.sh stop PIDFILE | background.sh running PIDFILE' >&2
  exit 2
}

# In tenths of a second; not every sleep knows fractions.
PATIENCE=100
pause() { sleep 0.1 2>/dev/null || sleep 1; }

# Is process $2 the keeper of the PID file $1? Small images have no ps, or one that
# knows no -p. One that has ended has no arguments, though nobody took note of it.
is_keeper() {
  case $(if [ -r "/proc/$2/cmdline" ]; then LC_ALL=C tr '\0' ' ' <"/proc/$2/cmdline"; else ps -p "$2" -o args=; fi 2>/dev/null) in
    *"keep $1 "*) ;;
    *) return 1 ;;
  esac
}

# Prints the keeper's process ID where it lives. After a boot another process may
# have the ID, the one that asks even.
keeper() {
  [ -s "$1" ] && read -r pid <"$1" && [ "$pid" != $$ ] && is_keeper "$1" "$pid" && echo "$pid"
}

# Of several that are started at once only one gets the PID file. A lock is held
# for an instant: one that stays is of a keeper that was killed then, or there is
# no room for another, and neither is a reason not to run.
claim() {
  tries=0
  until mkdir "$1.lock" 2>/dev/null || [ "$tries" -ge "$PATIENCE" ]; do
    tries=$((tries + 1))
    pause
  done
  is_free=yes
  if keeper "$1" >/dev/null; then is_free=no; else echo $$ >"$1"; fi
  rmdir "$1.lock" 2>/dev/null
  [ "$is_free" = yes ]
}

keep() {
  pid_file=$1 log=$2 final=$3
  shift 3
  stopped=no child='' told=''
  trap 'stopped=yes; if [ -n "$child" ]; then told=$child; kill -TERM "$child" 2>/dev/null; fi' TERM INT HUP
  claim "$pid_file" || return 0
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
  # The signal came before the ID was known.
  if [ "$stopped" = yes ] && [ "$told" != "$child" ]; then kill -TERM "$child" 2>/dev/null; fi
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
    # What comes next, a stop perhaps, is to find it.
    tries=0
    while kill -0 $! 2>/dev/null && [ "$(keeper "$1")" != $! ] && [ "$tries" -lt "$PATIENCE" ]; do
      tries=$((tries + 1))
      pause
    done
    ;;
  keep)
    shift
    keep "$@"
    ;;
  stop)
    [ $# -eq 2 ] || usage
    pid=$(keeper "$2") || exit 0
    kill -TERM "$pid"
    while is_keeper "$2" "$pid"; do pause; done
    ;;
  running)
    [ $# -eq 2 ] || usage
    keeper "$2" >/dev/null
    ;;
  *) usage ;;
esac
