#!/bin/sh
# Run by `tt deploy` on the other machine, when the files are there: makes the
# private directories and the launchers. Reads four lines: Node, the data
# directory, the state directory, and `tmp` where sockets must lie in /tmp.
# Prints where a tunnel may put its socket. Another's launcher is left alone.
# remote-places.sh goes before it.
# shellcheck disable=SC2154 # what that one sets

umask 077
IFS= read -r node && IFS= read -r data && IFS= read -r state && IFS= read -r where || exit 1
fail() {
  printf 'tt:fail=%s\n' "$1"
  exit 1
}

make_sockets "$state" "$where" 2>/dev/null || fail "write $sockets"
chmod 700 "$data" "$state"

# $1 in single quotes.
quoted() {
  rest=$1
  text=
  while :; do
    case $rest in
      *\'*) text=$text${rest%%\'*}"'\\''" rest=${rest#*\'} ;;
      *) break ;;
    esac
  done
  printf "'%s'" "$text$rest"
}
bin=$HOME/.local/bin
mkdir -p "$bin" 2>/dev/null || fail "write $bin"
for name in tt-agent tt; do
  file=$bin/$name
  if [ -e "$file" ] || [ -L "$file" ]; then
    grep -q '^# Made by tt deploy' "$file" 2>/dev/null || continue
  fi
  {
    printf '#!/bin/sh\n# Made by tt deploy; tt undeploy removes it.\nexec %s %s "$@"\n' "$(quoted "$node")" "$(quoted "$data/tt-agent.mjs")" >"$file.new" &&
      chmod 755 "$file.new" && mv -f "$file.new" "$file"
  } 2>/dev/null || fail "write $bin"
done
printf 'tt:sockets=%s\n' "$sockets"
