/**
 * Rules of our own beside the maintained set. That set looks for keys that work,
 * in source files; in a conversation a key may be cut, mistyped or an example,
 * and a password may be short: what looks like one is masked all the same.
 * No secret is too long for them; the caller bounds the text, and so what a
 * hostile one costs.
 */
import type { SecretRule } from './secret-rules.ts';

function rule(id: string, keywords: readonly string[], pattern: RegExp): SecretRule {
  return { id, keywords, source: pattern.source, flags: `dg${pattern.flags}` };
}

export const OWN_RULES: readonly SecretRule[] = [
  // A block that is not closed goes to the end of the text, one that is not opened is masked as far as it looks like one.
  rule('private-key-block', ['-----begin'], /-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END[ A-Z0-9_-]{0,100}-----|$)/),
  rule('private-key-tail', ['-----end'], /(?:[\w+/=]{20,}(?:\s|\\n)+)*[\w+/=]+(?:\s|\\n)+(?=-----END[ A-Z0-9_-]{0,100}PRIVATE KEY)/),
  // A password may hold an @ itself: it goes to the last one.
  rule('url-credentials', ['://'], /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/'"<>]{0,100}:([^\s/'"<>]+)@/i),
  rule('authorization', ['authorization', 'bearer'], /\b(?:authorization['"]?\s*[:=]\s*['"]?(?:basic|bearer|token)|bearer)\s+([\w.~+/=-]{8,})/i),
  // A value in quotes goes to where they are closed, or to the end of the line: they may be behind the cut.
  rule('password', ['pass', 'pwd', 'secret', 'api_key', 'apikey', 'api-key', 'access_key', 'token'],
    /(?:passw(?:or)?d|passphrase|(?<![a-z])pass(?!['"]?\s{0,3}[:=]\s{0,3}(?:true|false|null)\b)|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|access[_-]?key|[_-]token)['"]?(?:\s+is)?\s{0,3}(?:=>|:=|=|:)\s{0,3}(?:"((?:[^"\\\n]|\\.){3,})|'((?:[^'\\\n]|\\.){3,})|([^\s'"`,;)]{4,}))/i),
  rule('aws-key', ['akia', 'asia', 'abia', 'acca', 'a3t'], /\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}/),
  rule('anthropic-key', ['sk-ant-'], /\bsk-ant-[\w-]{8,}/),
  rule('sk-key', ['sk-'], /\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{16,}/),
  rule('github-token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'], /\b(?:gh[pousr]_[A-Za-z0-9]{10,}|github_pat_\w{10,})/),
  rule('gitlab-token', ['glpat-', 'gldt-', 'glrt-', 'glcbt-'], /\bgl(?:pat|dt|rt|cbt)-[\w.-]{10,}/),
  rule('slack-token', ['xox', 'xapp-', 'hooks.slack.com'], /\b(?:xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,})|hooks\.slack\.com\/(?:services|workflows|triggers)\/[\w/+-]{10,}/i),
  rule('npm-token', ['npm_', '_authtoken'], /\bnpm_[A-Za-z0-9]{10,}|_authToken\s*=\s*([^\s'"]{6,})/i),
  rule('pypi-token', ['pypi-'], /\bpypi-[\w-]{16,}/),
  rule('stripe-key', ['sk_live', 'sk_test', 'rk_live', 'rk_test', 'sk_prod', 'rk_prod', 'whsec_'], /\b(?:[sr]k_(?:live|test|prod)_\w{8,}|whsec_\w{8,})/i),
  rule('google-key', ['aiza', 'ya29.', 'gocspx-'], /\bAIza[\w-]{16,}|\bya29\.[\w-]{10,}|\bGOCSPX-[\w-]{10,}/),
  rule('jwt', ['eyj'], /\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?/),
];
