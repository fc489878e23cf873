#!/bin/sh
# The line of `tt statusline`, for a prompt, tmux or a harness, without starting a program:
#
#   statusline.sh                  2 wait · 5 work · devbox 12m late · $14.20
#   statusline.sh --session ID     Instance: 6f1c2a90@devbox | working 3m | main | 1.2M tokens | $4.14
#
# It reads the file that the running collector keeps in its state directory, and says how old that
# is when nobody keeps it any more. What is not known is a dash. Only built-in commands but for `date`.

state=${XDG_STATE_HOME:-}
case $state in /*) ;; *) state=$HOME/.local/state ;; esac
stale_after=90

session=
if [ "${1:-}" = --session ]; then session=${2:-}; fi

line=
written=
if [ -r "$state/tt/statusline" ]; then
  {
    IFS=' ' read -r version written
    IFS= read -r line
    if [ "$version" != 1 ]; then line='' written=''; fi
    if [ "${1:-}" = --session ]; then
      line=
      while IFS= read -r each; do
        case $each in "$session "*) line=${each#"$session "} && break ;; esac
      done
    fi
  } < "$state/tt/statusline"
fi

case $written in '' | *[!0-9]*) written=0 line= ;; esac
if [ -z "$line" ]; then
  if [ "${1:-}" = --session ]; then line='Instance: – | – | – | – | –'; else line=–; fi
  printf '%s\n' "$line"
  exit 0
fi

age=$(($(date +%s) - written))
if [ "$age" -le "$stale_after" ]; then
  printf '%s\n' "$line"
elif [ "$age" -lt 3600 ]; then
  printf 'stale %sm · %s\n' "$((age / 60))" "$line"
elif [ "$age" -lt 172800 ]; then
  printf 'stale %sh · %s\n' "$((age / 3600))" "$line"
else
  printf 'stale %sd · %s\n' "$((age / 86400))" "$line"
fi
