// Turns the rules of gitleaks (MIT) into data the agent can use.
// `npx tsx deploy/secret-rules.ts gitleaks.toml VERSION` writes agent/privacy/secret-rules.ts.
// The file is written by a program too and regular: one `key = value` a line, lists over several.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Rule {
  id: string;
  source: string;
  flags: string;
  keywords: string[];
  entropy?: number;
  group?: number;
}

/** Rules of the file that look at text alone; those bound to the path of a file do not apply to a conversation. */
export function convertRules(toml: string): Rule[] {
  return toml.split(/^\[\[rules\]\]$/m).slice(1).flatMap((section) => {
    const [body = ''] = section.split(/^\[\[rules\./m);
    const [id, regex] = [valueOf(body, 'id'), valueOf(body, 'regex')];
    if (id === undefined || regex === undefined || valueOf(body, 'path') !== undefined) return [];
    const keywords = /^keywords = \[([\s\S]*?)\]/m.exec(body)?.[1] ?? '';
    const rule: Rule = { id, ...toJavaScript(regex), keywords: [...keywords.matchAll(/"([^"]+)"/g)].map(([, word = '']) => word.toLowerCase()) };
    const [entropy, group] = [valueOf(body, 'entropy'), valueOf(body, 'secretGroup')];
    if (entropy !== undefined) rule.entropy = Number(entropy);
    if (group !== undefined) rule.group = Number(group);
    return [rule];
  });
}

function valueOf(body: string, key: string): string | undefined {
  const value = new RegExp(`^${key} = (.*)$`, 'm').exec(body)?.[1]?.trim();
  return value?.replace(/^'''([\s\S]*)'''$/, '$1').replace(/^"([\s\S]*)"$/, '$1');
}

/**
 * RE2 to JavaScript. A part that ignores case makes the whole rule ignore case:
 * that masks more, never less. What stands before a keyword is not needed to
 * find the secret behind it, and costs most of the time.
 */
function toJavaScript(regex: string): { source: string; flags: string } {
  const source = regex
    .replaceAll(String.raw`[\w.-]{0,50}?`, '')
    .replaceAll(/\(\?-?i\)/g, '')
    .replaceAll(/\(\?(-?i|s):/g, '(?:')
    .replaceAll(/\(\?P<\w+>/g, '(?:')
    .replaceAll('[[:alnum:]]', '[a-zA-Z0-9]')
    .replaceAll(String.raw`\z`, '$');
  const flags = `dg${/\(\?i[):]/.test(regex) ? 'i' : ''}${regex.includes('(?s:') ? 's' : ''}`;
  return { source: new RegExp(source, flags).source, flags };
}

export function renderRules(toml: string, version: string): string {
  const rules = convertRules(toml).map((rule) => `  ${JSON.stringify(rule)},`);
  return `${HEAD.replace('VERSION', version)}export const SECRET_RULES: readonly SecretRule[] = [\n${rules.join('\n')}\n];\n`;
}

const HEAD = `/**
 * Written by deploy/secret-rules.ts out of gitleaks VERSION, config/gitleaks.toml.
 * Copyright (c) 2019 Zachary Rice, MIT licence (LICENSES/gitleaks.txt).
 */
export interface SecretRule {
  id: string;
  source: string;
  flags: string;
  /** The text, in lower case, holds one of them or the rule cannot match. */
  keywords: readonly string[];
  /** Least Shannon entropy of what is a secret, bits per character. */
  entropy?: number;
  /** Capture group that holds the secret; else the first that matched, else all of it. */
  group?: number;
}

`;

if (process.argv[1]?.endsWith('secret-rules.ts') === true) {
  const [, , file, version] = process.argv;
  if (file === undefined || version === undefined) throw new Error('give the path of gitleaks.toml and its version');
  writeFileSync(join(import.meta.dirname, '../agent/privacy/secret-rules.ts'), renderRules(readFileSync(file, 'utf8'), version));
}
