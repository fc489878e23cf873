#!/bin/sh
# Appends one line about a tmux pane to events.jsonl, for tt-agent to pick up.
#
#   hook.sh pane-focus|scroll PANE CWD SESSION [WINDOW]
#
# Switching panes must cost nothing: the only program started on the ordinary
# path is `date`. It prints nothing and always exits 0; what goes wrong is in
# $XDG_STATE_HOME/tt/log/hook.log.
#
# Guarantee: a line is one write(2) of less than 4 KiB to a file opened with
# O_APPEND, so lines of parallel hooks never mix. Limit: a local file system.
#
# tmux-hooks.conf sources this file with the arguments set, which saves starting
# a second shell; it also runs alone.

# Lengths are bytes and patterns match bytes.
LC_ALL=C
umask 077
longest=4000

# Sets `directory`. The XDG standard: a relative path in its variables is ignored.
choose_directory() {
  case $1 in
    /*) directory=$1/tt ;;
    *) directory=$HOME/$2/tt ;;
  esac
}

fail() {
  choose_directory "${XDG_STATE_HOME-}" .local/state
  log=$directory/log/hook.log
  {
    [ -d "$directory/log" ] || mkdir -p "$directory/log"
    # A hook that fails all day must not fill the disk as well.
    if [ -f "$log" ] && [ "$(wc -c <"$log")" -gt 262144 ]; then : >"$log"; fi
    printf '%s hook.sh: %s\n' "${now:-no time}" "$1" >>"$log"
  } 2>/dev/null
  exit 0
}

# Sets `json` to $1 as the inside of a JSON string. Bytes from 0x80 on stay as they are.
escape() {
  json=
  rest=$1
  while :; do
    case $rest in
      *[\"\\[:cntrl:]]*) ;;
      *) break ;;
    esac
    plain=${rest%%[\"\\[:cntrl:]]*}
    rest=${rest#"$plain"}
    tail=${rest#?}
    char=${rest%"$tail"}
    rest=$tail
    case $char in
      [\"\\]) char=\\$char ;;
      *)
        code=$(printf '%04x' "'$char")
        case $code in
          0008) char='\b' ;;
          0009) char='\t' ;;
          000a) char='\n' ;;
          000c) char='\f' ;;
          000d) char='\r' ;;
          007f) ;;
          *) char="\\u$code" ;;
        esac
        ;;
    esac
    json=$json$plain$char
  done
  json=$json$rest
}

# Sets `line`. Without an identity the ID has no prefix: the agent adds it.
build_line() {
  line="{\"id\":\"${machine:+$machine:}remote.tmux:$type:$now:$pane\",\"timestamp\":\"$now\",\"source\":\"remote.tmux\",\"type\":\"$type\",\"cwd\":\"$cwd\",\"pane_id\":\"$pane\",\"tmux_session\":\"$session\"$window}"
}

# Makes the line fit. The session goes first, so that the directory stays whole if it can;
# then the directory loses its deepest parts. Both cuts fall on whole characters and escapes.
shorten_line() {
  if [ "${#raw_session}" -gt 200 ]; then
    short=$(printf '%.200s' "$raw_session")
    escape "${short%"${short##*[ -~]}"}…"
    session=$json
    build_line
  fi
  while [ "${#line}" -gt "$longest" ]; do
    case $cwd in
      */*) cwd=${cwd%/…} cwd=${cwd%/*}/… ;;
      *) fail "a line of ${#line} bytes cannot be shortened" ;;
    esac
    build_line
  done
}

[ -n "${HOME-}" ] || exit 0
now=$(date -u '+%Y-%m-%dT%H:%M:%S.%3NZ' 2>/dev/null)
case $now in
  [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z) ;;
  # No milliseconds in this `date` (macOS before 15, BusyBox).
  [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].*) now=${now%.*}.000Z ;;
  *) now='' && fail 'date does not tell the time' ;;
esac

case ${1-} in
  pane-focus) type=tmux_pane_focus ;;
  scroll) type=tmux_scroll ;;
  *) fail "unknown event '${1-}': give pane-focus or scroll" ;;
esac
raw_session=${4-}
[ -n "${2-}" ] || fail 'no pane given'
[ -n "$raw_session" ] || fail 'no session given'
escape "$2" && pane=$json
escape "${3-}" && cwd=$json
escape "$raw_session" && session=$json
case ${5-} in
  '' | *[!0-9]*) window='' ;;
  *) window=",\"window_index\":$5" ;;
esac

choose_directory "${XDG_DATA_HOME-}" .local/share
machine=
if [ -r "$directory/machine.json" ]; then
  while IFS= read -r text || [ -n "$text" ]; do
    case $text in
      *'"machine_id"'*)
        text=${text#*'"machine_id"'}
        text=${text#*'"'}
        machine=${text%%'"'*}
        break
        ;;
    esac
  done <"$directory/machine.json"
  case $machine in
    *[!0-9a-f-]*) machine='' ;;
    ????????-????-????-????-????????????) ;;
    *) machine='' ;;
  esac
fi

build_line
[ "${#line}" -le "$longest" ] || shorten_line
[ -d "$directory" ] || mkdir -p "$directory" 2>/dev/null || fail "cannot make $directory"
{ printf '%s\n' "$line" >>"$directory/events.jsonl"; } 2>/dev/null || fail "cannot write to $directory/events.jsonl"
exit 0
