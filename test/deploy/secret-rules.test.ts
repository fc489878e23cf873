import { describe, expect, it } from 'vitest';
import { convertRules, renderRules } from '../../deploy/secret-rules.ts';
import { SECRET_RULES } from '../../agent/privacy/secret-rules.ts';

const TOML = `title = "x"

[[rules]]
id = "one"
description = "first"
regex = '''[\\w.-]{0,50}?(?i:acme)(?P<sep>[ =])(?-i:KEY)([a-z]{4})\\z'''
entropy = 3.5
secretGroup = 2
keywords = [
    "acme",
    "ACME2",
]
[[rules.allowlists]]
regexes = [
    '''.+EXAMPLE$''',
]

[[rules]]
id = "files only"
path = '''\\.tf$'''
regex = '''x'''
keywords = ["x"]
`;

describe('rules made from those of gitleaks', () => {
  it('carry over pattern, keywords, entropy and group, and leave out what looks at files', () => {
    expect(convertRules(TOML)).toEqual([{
      id: 'one', source: '(?:acme)(?:[ =])(?:KEY)([a-z]{4})$', flags: 'dgi', keywords: ['acme', 'acme2'], entropy: 3.5, group: 2,
    }]);
    expect(renderRules(TOML, 'v9')).toContain('out of gitleaks v9');
  });

  it('all compile, and all have keywords', () => {
    expect(SECRET_RULES.length).toBeGreaterThan(200);
    for (const { source, flags, keywords } of SECRET_RULES) {
      expect(() => new RegExp(source, flags)).not.toThrow();
      expect(keywords.length).toBeGreaterThan(0);
    }
  });
});
