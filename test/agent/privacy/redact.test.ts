import { describe, expect, it } from 'vitest';
import { redact } from '../../../agent/privacy/redact.ts';
import { createTextPolicy, filterText } from '../../../agent/privacy/texts.ts';
import { extract, type Collected } from '../../support/extraction.ts';
import { SESSION, Transcript } from '../../support/transcript.ts';

const LONG = Array.from({ length: 110 }, (_, index) => `Tr${index}~word!`.slice(0, 10)).join('');

/** What must not appear anywhere, and how it is said. Put together here, so that no scanner takes this file for a leak. */
const PLANTED: readonly [kind: string, secret: string, said?: string][] = [
  ['AWS access key', ['AKIA', 'IOSFODNN7EXAMPLE'].join('')],
  ['AWS secret key', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  ['GitHub token', ['ghp', '_16C7e42F292c6912E7710c838347Ae178B4a'].join('')],
  ['GitHub fine-grained token', ['github', '_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789'].join('')],
  ['Anthropic key', ['sk-ant', '-api03-QmFzZTY0IGlzIG5vdCBlbmNyeXB0aW9u-xyzAA'].join('')],
  ['OpenAI key', ['sk-proj', '-T3BlbkFJ0123456789abcdefghijKLMNOP'].join('')],
  ['Slack token', ['xoxb', '-123456789012-1234567890123-AbCdEfGhIjKlMnOp'].join('')],
  ['private key', 'MIIEowIBAAKCAQEAxyzTheSecretPart0123456789', '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxyzTheSecretPart0123456789\n-----END RSA PRIVATE KEY-----'],
  ['JSON web token', ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0', 'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'].join('.')],
  ['npm token', ['npm', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('')],
  ['Stripe key', ['sk', '_live_4eC39HqLyjWDarjtT1zdp7dc'].join('')],
  ['Google key', ['AIza', 'SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe'].join('')],
  ['password in a URL', 'hunter2hunter2', 'postgres://bob:hunter2hunter2@db.example.com/app'],
  ['password', 'correct-horse', 'password=correct-horse'],
  ['password in JSON', 'battery staple', '{"password": "battery staple"}'],
  ['bearer token', 'abcdef0123456789abcdef', 'Authorization: Bearer abcdef0123456789abcdef'],
  ['end of a password with an @ in a URL', 'ssw0rd', 'postgres://bob:p@ssw0rd@db/app'],
  ['password with an @ behind a name with one', 'p@ss', 'smtp://bob@example.com:p@ss@mail.example.com'],
  ['short name of a password', 'hunter22x', 'DB_PASS=hunter22x'],
  ['password as people write it', 'hunter22x', 'user: bob, pass: hunter22x'],
  ['password in JSON with a quote in it', 'staple', '{"pass": "battery \\" staple"}'],
  ['refresh token in an OAuth reply', LONG, `{"access_token": "${LONG}", "expires_in": 3599, "refresh_token": "${LONG}"}`],
  ['long value without quotes', LONG, `REFRESH_TOKEN=${LONG}`],
  ['value whose end was cut off', LONG, `{"refresh_token": "${LONG}`],
  ['long password in a URL', LONG, `https://bob:${LONG}@example.com/`],
  ['GitLab token', ['glpat', '-abcdefghij0123456789'].join('')],
];

function everythingSaid(said: string, texts: 'full' | 'redacted' | 'none'): Collected {
  const log = new Transcript();
  return extract([
    { type: 'ai-title', aiTitle: said, sessionId: SESSION },
    log.queue('enqueue', { content: said }),
    log.typed(said), log.text(`working on it. ${said}`), log.typed([{ type: 'text', text: said }, { type: 'image' }]),
    log.user(`<command-name>/login</command-name><command-args>${said}</command-args>`),
    log.toolUse('toolu_q', 'AskUserQuestion'), log.toolResult('toolu_q', 'x', { toolUseResult: { answers: { 'which?': said } } }),
    ...(['custom-title', 'customTitle', 'summary', 'summary', 'last-prompt', 'lastPrompt', 'agent-name', 'agentName']
      .reduce<object[]>((rows, type, index, all) => (index % 2 === 0 ? [...rows, { type, [all[index + 1] ?? '']: said, sessionId: SESSION }] : rows), [])),
  ], { texts: createTextPolicy({ texts, projects: {} }) });
}

describe('texts = redacted', () => {
  it.each(PLANTED)('lets no %s through, wherever it is said', (_kind, secret, said = secret) => {
    const collected = everythingSaid(`use ${said} for it`, 'redacted');
    const printed = JSON.stringify([collected.events, collected.states]);
    expect(printed).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(printed).toContain('[redacted]');
    expect(JSON.stringify(everythingSaid(`use ${said} for it`, 'full').events)).toContain(JSON.stringify(secret).slice(1, -1));
  });

  it('masks a secret through which the cut of a long text goes', () => {
    const secret = ['ghp', '_16C7e42F292c6912E7710c838347Ae178B4a'].join('');
    const log = new Transcript();
    const collected = extract([
      log.typed(`${'word '.repeat(395)}${secret} tail`), log.text(`${'word '.repeat(500)}${secret} ${'tail '.repeat(35)}`),
    ], { texts: createTextPolicy({ texts: 'redacted', projects: {} }) });
    const printed = JSON.stringify(collected.events);
    for (let length = 8; length < secret.length; length += 1) {
      expect(printed).not.toContain(secret.slice(0, length));
      expect(printed).not.toContain(secret.slice(-length));
    }
  });

  it('masks what is left of a key whose beginning was cut off, and one that never ends', () => {
    const body = Array.from({ length: 4 }, (_, index) => `MIIEowIBAAKCAQEA${'abcdefgh'.repeat(6)}${index}`).join('\n');
    expect(redact(`${body}\n-----END RSA PRIVATE KEY-----`)).not.toContain('MIIE');
    expect(redact(`see -----BEGIN OPENSSH PRIVATE KEY-----\n${body}`)).toBe('see [redacted]');
  });

  it('leaves ordinary talk as it is', () => {
    const texts = [
      'continue', 'Fix the token parser in src/token.ts, the key is `type` and its author is Bob', 'https://example.com/a?b=c#d',
      'rename getAccessToken to readAccessToken', 'commit 3ad3227c0ffee3ad3227c0ffee3ad3227c0ffee0 broke it', 'the password prompt shows twice',
      '5e551001-0000-4000-8000-000000000001', 'ééé 🎉', '{"pass": true, "fail": false}', 'bypass: the compass: everything', 'see http://localhost:3000/@scope/name and ssh://git@host:22/x',
    ];
    expect(texts.map(redact)).toEqual(texts);
  });

  it('takes bounded time for hostile texts', () => {
    const hostile = ['a'.repeat(8192), 'key='.repeat(2048), 'secret_token_key-'.repeat(480), '-----BEGIN PRIVATE KEY'.repeat(370), 'eyJ'.repeat(2700), `${'A'.repeat(70)}\n`.repeat(110), `${'A'.repeat(70)}\n`.repeat(110) + '-----END CERTIFICATE-----',
      ...['password="', "pass='", 'password="x\n', 'pwd="\\"', 'password   ', 'pass : ', 'a://a:', 'a://u:@', 'a.', 'x://y:z@'].flatMap((unit) => [unit.repeat(8192 / unit.length), `pass="x://u:${unit.repeat(8192 / unit.length)}`])];
    for (const text of hostile) expect(redact(text).length).toBeLessThanOrEqual(3 * text.length);
  }, 2000);
});

describe('the text policy', () => {
  const policy = createTextPolicy({ texts: 'full', projects: { '/srv/secret': { texts: 'none' }, '/srv/secret/open/': { texts: 'full' }, '/srv': { texts: 'redacted' }, '/srv/secret/archived': { archive: true } } });

  it('takes the longest path that holds the directory', () => {
    const text = 'password=hunter22';
    const filtered = (cwd: string): string | undefined => filterText(text, policy.policyOf(cwd));
    expect(filtered('/home')).toBe(text);
    expect(filtered('/srv')).toBe('password=[redacted]');
    expect(filtered('/srv/secret/app')).toBeUndefined();
    expect(filtered('/srv/secret/archived')).toBeUndefined();
    expect(filtered('/srv/secret/open')).toBe(text);
    expect(filtered('/srv/secrets')).toBe('password=[redacted]');
    expect(filtered('/srvshop')).toBe(text);
  });

  it('lets nothing out for a directory that is not known when any project says so', () => {
    expect(filterText('x', policy.policyOf(undefined))).toBeUndefined();
  });

  it('holds a title until the directory is known, and then does not let it out', () => {
    const log = new Transcript({ cwd: '/srv/secret/app' });
    const collected = extract([{ type: 'ai-title', aiTitle: 'merger', sessionId: SESSION }, log.typed('about the merger')], { texts: policy });
    expect(JSON.stringify([collected.events, collected.states])).not.toContain('merger');
    expect(collected.ofType('user_message')).toMatchObject([{ length: 16 }]);
  });
});
