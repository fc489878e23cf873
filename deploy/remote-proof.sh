#!/bin/sh
# Run by `tt deploy` on the other machine, of a new agent that is noted as one that
# has not proved itself: `kept` takes the note away, `back` puts the agent of
# before back. Reads three lines: which, the agent's file, and where the one of
# before was kept.

IFS= read -r what && IFS= read -r file && IFS= read -r previous || exit 1
case $what in
  kept) rm -f "$file.unproven" ;;
  back) [ -e "$file.unproven" ] && [ -f "$previous" ] && mv -f "$previous" "$file" && rm -f "$file.unproven" ;;
  *) exit 1 ;;
esac
