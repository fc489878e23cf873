// How source files use other files that are not code (SQL, shell, tmux and service files):
//
//   const schema = readFileSync(new URL('./migrations/0001_initial.sql', import.meta.url), 'utf8');
//
// That is plain Node: it needs no loader in tsx, vitest or a type-stripping Node, and no type
// declarations. Only a bundle has no such file beside it, so here the build replaces exactly this
// form by the text. A worker's `new URL('./worker.ts', import.meta.url)` becomes the URL of its
// bundle. A file named in any other form fails the build instead of failing on somebody's machine.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const moduleUrl = String.raw`new URL\(\s*'(\.[^']+)'\s*,\s*import\.meta\.url\s*\)`;
const assetRead = new RegExp(String.raw`\breadFileSync\(\s*${moduleUrl}\s*,\s*'utf8'\s*,?\s*\)`, 'g');
const fileUrl = new RegExp(moduleUrl, 'g');

/** `bundleOf` names the bundle that a source file (absolute path) becomes, if it becomes one. */
export function inlineInto(source: string, path: string, bundleOf: (file: string) => string | undefined): string {
  const folder = dirname(path);
  return source
    .replace(assetRead, (_match, asset: string) => JSON.stringify(readFileSync(join(folder, asset), 'utf8')))
    .replace(fileUrl, (match, target: string) => {
      const file = join(folder, target);
      const bundle = bundleOf(file);
      if (bundle !== undefined) return `new URL('./${bundle}', import.meta.url)`;
      if (existsSync(file) && statSync(file).isFile()) {
        throw new Error(`${path}: '${target}' would be missing from the bundle; read it as readFileSync(new URL('${target}', import.meta.url), 'utf8')`);
      }
      return match;
    });
}
