/** The page's files, read once: nothing of the file system can be asked for by name. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { systemCode } from '../../shared/errors.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface Assets {
  /** By path of the URL; `/` is `index.html`. */
  find(path: string): Response | undefined;
}

/** No such directory: a collector without a page, which still answers the API. */
export function readAssets(directory: string): Assets {
  const files = new Map<string, { type: string; content: Uint8Array<ArrayBuffer> }>(namesIn(directory).flatMap((name) => {
    const type = CONTENT_TYPES[extname(name)];
    return type === undefined ? [] : [[`/${name}`, { type, content: new Uint8Array(readFileSync(join(directory, name))) }] as const];
  }));
  return {
    find(path) {
      const file = files.get(path === '/' ? '/index.html' : path);
      return file && new Response(file.content, { headers: { 'content-type': file.type } });
    },
  };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
