#!/bin/sh
# Run by `tt sync` on the other machine, where nothing has to be installed: finds
# a Node.js, takes the agent from stdin and runs it once; the rest of stdin, and
# stdout, are the agent's wire. Reads three lines: the oldest Node that will do,
# a token that is said before the first byte of the wire, and the agent's size.
# remote-node.sh goes before it.
# shellcheck disable=SC2154 # what that one sets

IFS= read -r oldest && IFS= read -r token && IFS= read -r bytes || exit 1

find_node "$oldest"
if [ -z "$node" ]; then
  printf 'tt sync node %s\n' "$(printf '%s' "$old_nodes" | tail -n 1 | cut -d ' ' -f 1)" >&2
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
