#!/bin/sh
# Run by `tt deploy` on the other machine: puts what comes by stdin into a file,
# whole or not at all. Before it come five lines: the file, its mode (or `keep`:
# as it is, 0644 for a new one), its SHA-256, Node, and where the file of before
# is to be kept ('': nowhere; else FILE.unproven notes that the new one is to prove
# itself). A program (.mjs) must start before it is taken.

umask 077
IFS= read -r file && IFS= read -r mode && IFS= read -r sum && IFS= read -r node && IFS= read -r previous || exit 1
fail() {
  printf 'tt:fail=%s\n' "$1"
  exit 1
}

if [ -L "$file" ]; then
  # A link (of a directory of dotfiles, say) stays one.
  file=$("$node" -p 'require("fs").realpathSync(process.argv[1])' "$file" </dev/null) || fail "write $file"
fi
directory=${file%/*}
mkdir -p "$directory" 2>/dev/null || fail "write $directory"
new=$directory/.tt-new-$$-${file##*/}
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

if [ "$mode" = keep ] && [ -e "$file" ]; then
  cp -p "$file" "$new" 2>/dev/null || fail "write $directory"
fi
# A shell of its own: one that cannot make the file ends only that.
wrong=$(LC_ALL=C && export LC_ALL && { cat >"$new"; } 2>&1) || case $wrong in
  *'No space left'* | *quota*) fail "full $directory" ;;
  *) fail "write $directory" ;;
esac
got=$("$node" -e '
  const fs = require("fs");
  const fd = fs.openSync(process.argv[1], "r+");
  fs.fsyncSync(fd);
  console.log(require("crypto").createHash("sha256").update(fs.readFileSync(fd)).digest("hex"));' "$new" </dev/null 2>/dev/null)
[ "$got" = "$sum" ] || fail "sum $file"
if [ "$mode" != keep ]; then
  chmod "$mode" "$new"
elif [ ! -e "$file" ]; then
  chmod 644 "$new"
fi
case $file in
  *.mjs) "$node" "$new" --version </dev/null >/dev/null 2>&1 || fail "start $file" ;;
esac
if [ -n "$previous" ] && [ -f "$file" ]; then
  # What was put before and has not proved itself is not what to go back to.
  if [ ! -e "$file.unproven" ] || [ ! -f "$previous" ]; then
    ln -f "$file" "$previous" 2>/dev/null || cp -p "$file" "$previous" 2>/dev/null || fail "write $directory"
  fi
  { true >"$file.unproven"; } 2>/dev/null || fail "write $directory"
fi
mv -f "$new" "$file" 2>/dev/null || fail "write $file"
printf 'tt:put=%s\n' "$file"
