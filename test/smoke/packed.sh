#!/usr/bin/env bash
# Installs the package as a user would get it and asks both programs for their version; then runs
# the agent's single file alone, as it is copied to other machines.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/home" "$scratch/alone" "$scratch/prefix"

# better-sqlite3 may have to be compiled: with all cores, and with the headers that came with Node.
export JOBS=max
node_prefix=$(dirname "$(dirname "$(command -v node)")")
if [ -e "$node_prefix/include/node/node_version.h" ]; then
  export npm_config_nodedir=${npm_config_nodedir:-$node_prefix}
fi

# Packing builds (see prepack), and fails where an entry point is missing.
if ! npm pack --silent --pack-destination "$scratch"; then
  echo 'FAILED: npm pack'
  exit 1
fi
tarball=$(echo "$scratch"/*.tgz)
if tar tzf "$tarball" | grep -Ev '^package/(dist|deploy|docs)/|^package/[A-Za-z.-]+$' | grep .; then
  echo 'FAILED: files in the package that do not belong there'
  exit 1
fi
if ! npm install --silent --global --prefix "$scratch/prefix" "$tarball"; then
  echo 'FAILED: npm install of the package'
  exit 1
fi

failures=0
version=$(node -p "require('./package.json').version")

# says_version NAME COMMAND…: one line that ends in the version; from an empty directory, knowing nothing of this checkout or this home.
says_version() {
  local name=$1 output
  shift
  if output=$(cd "$scratch/alone" && env -i PATH="$scratch/prefix/bin:$PATH" HOME="$scratch/home" "$@" --version 2>&1) &&
    [[ $output == "$version" || $output == *" $version" ]] && [[ $output != *$'\n'* ]]; then
    echo "ok: $name says $output"
  else
    echo "FAILED: $name says: $output"
    failures=$((failures + 1))
  fi
}

says_version tt tt
says_version tt-agent tt-agent
cp dist/tt-agent.mjs "$scratch/alone/"
says_version 'tt-agent.mjs, alone' ./tt-agent.mjs
says_version 'tt-agent.mjs, alone, run by node' node tt-agent.mjs

left_behind=$(find "$scratch/home" -mindepth 1)
if [ -n "$left_behind" ]; then
  echo "FAILED: asking for the version wrote to the home directory: $left_behind"
  failures=$((failures + 1))
fi
[ "$failures" -eq 0 ]
