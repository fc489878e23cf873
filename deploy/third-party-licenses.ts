// The bundles contain other people's code; their licences ask that the notices travel with it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The notices of every package that these bundled files (relative to root) come from, and of LICENSES/, as one text file. */
export function thirdPartyLicenses(root: string, bundledFiles: readonly string[]): Uint8Array {
  const sections = packageFolders(bundledFiles).map((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      name: string; version: string; license?: string;
    };
    return `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})\n\n${licenseText(join(root, folder))}`;
  });
  const data = readdirSync(join(root, 'LICENSES')).sort().map((name) => `${name.replace(/\.txt$/, '')} (data made from its sources)\n\n${readFileSync(join(root, 'LICENSES', name), 'utf8').trim()}`);
  return Buffer.from(`${[...sections, ...data].join(`\n${'-'.repeat(80)}\n\n`)}\n`);
}

function packageFolders(files: readonly string[]) {
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []);
  return [...new Set(folders)].sort();
}

function licenseText(folder: string) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined ? 'No licence file in the package.' : readFileSync(join(folder, file), 'utf8').trim();
}
