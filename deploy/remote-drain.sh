#!/bin/sh
# Run by `tt sync` on the other machine, where nothing has to be installed: finds
# a Node.js, takes the agent from stdin and runs it once; the rest of stdin, and
# stdout, are the agent's wire. Reads three lines: the oldest Node that will do,
# a token that is said before the first byte of the wire, and the agent's size.

IFS= read -r oldest && IFS= read -r token && IFS= read -r bytes || exit 1

# A shell that is not a login shell has a short PATH, so the usual places are
# looked at as well. Sets `node` to the first that is new enough.
node=
old=
data_home=${XDG_DATA_HOME:-$HOME/.local/share}
try() {
  { [ -z "$node" ] && [ -f "$1" ] && [ -x "$1" ]; } || return 0
  version=$("$1" -p 'process.versions.node' </dev/null 2>/dev/null) || return 0
  major=${version%%.*}
  rest=${version#*.}
  case $major${rest%%.*} in '' | *[!0-9]*) return 0 ;; esac
  if [ "$major" -gt "${oldest%.*}" ] || { [ "$major" -eq "${oldest%.*}" ] && [ "${rest%%.*}" -ge "${oldest#*.}" ]; }; then
    node=$1
  else
    old=$version
  fi
}
try "$(command -v node 2>/dev/null)"
for place in /usr/local/bin/node /usr/bin/node /opt/homebrew/bin/node /opt/node/bin/node /snap/bin/node \
  "$HOME"/.local/bin/node "$HOME"/bin/node "$HOME"/.volta/bin/node "$HOME"/n/bin/node \
  "${NVM_DIR:-$HOME/.nvm}"/versions/node/*/bin/node \
  "$data_home"/fnm/node-versions/*/installation/bin/node "$HOME"/.fnm/node-versions/*/installation/bin/node \
  "$data_home"/mise/installs/node/*/bin/node "$HOME"/.asdf/installs/nodejs/*/bin/node; do
  try "$place"
done
if [ -z "$node" ]; then
  printf 'tt sync node %s\n' "$old" >&2
  exit 1
fi

# The file lies in a private directory while it runs. `read` gives exactly that
# many bytes, or fewer when the connection ended before.
# shellcheck disable=SC2016 # JavaScript
exec "$node" -e '
  const { mkdtempSync, rmSync, writeFileSync } = require("fs");
  const { join } = require("path");
  const [token, size] = process.argv.slice(1);
  const directory = mkdtempSync(join(require("os").tmpdir(), "tt-sync-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const take = () => {
    const agent = process.stdin.read(Number(size));
    if (agent === null) return;
    process.stdin.off("readable", take);
    if (agent.length < Number(size)) process.exit(1);
    const file = join(directory, "tt-agent.mjs");
    writeFileSync(file, require("zlib").gunzipSync(agent), { mode: 0o600 });
    process.argv = [process.execPath, file, "drain"];
    process.stdout.write(`tt sync ${token}\n`);
    import(require("url").pathToFileURL(file).href).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  };
  process.stdin.on("readable", take);
' "$token" "$bytes"
