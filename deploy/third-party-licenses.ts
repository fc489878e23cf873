// The bundles contain other people's code; their licences ask that the notices travel with it.
import type { Metafile } from 'esbuild';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The notices of every package that went into these bundles, as the contents of one text file. */
export function thirdPartyLicenses(root: string, metafiles: readonly Metafile[]): Uint8Array {
  const sections = bundledPackages(metafiles).map((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      name: string; version: string; license?: string;
    };
    return `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})\n\n${licenseText(join(root, folder))}`;
  });
  return Buffer.from(`${sections.join(`\n${'-'.repeat(80)}\n\n`)}\n`);
}

function bundledPackages(metafiles: readonly Metafile[]) {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const folders = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input) ?? []);
  return [...new Set(folders)].sort();
}

function licenseText(folder: string) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined ? 'No licence file in the package.' : readFileSync(join(folder, file), 'utf8').trim();
}
