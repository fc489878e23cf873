import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FIND_NODE } from '../../collector/deploy/find-node.ts';
import { PLACES } from '../../collector/deploy/places.ts';
import { sha256Of } from '../../collector/deploy/put-file.ts';

const folder = join(import.meta.dirname, '../../deploy');
const scripts = readdirSync(folder).filter((name) => /^remote-.*\.sh$/.test(name));
const hasProgram = (name: string): boolean => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
const SHELLS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'ash'], ['mksh']].filter(([name]) => hasProgram(name ?? ''));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-remote-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function run(script: string, input: string | Buffer, { shell = ['sh'], before = '' } = {}): { status: number | null; stdout: string; stderr: string } {
  const [program = 'sh', ...options] = shell;
  const text = [before, FIND_NODE, PLACES, readFileSync(join(folder, script), 'utf8')].join('\n');
  const { status, stdout, stderr } = spawnSync(program, [...options, '-c', text], { input, encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home }, cwd: home });
  return { status, stdout, stderr };
}

describe('the scripts that run on other machines', () => {
  it.each(scripts)('%s is sound POSIX shell', (name) => {
    expect(spawnSync('sh', ['-n', join(folder, name)], { encoding: 'utf8' }).stderr).toBe('');
  });

  it.skipIf(!hasProgram('shellcheck')).each(scripts)('%s has nothing that shellcheck warns about', (name) => {
    expect(spawnSync('shellcheck', ['-s', 'sh', join(folder, name)], { encoding: 'utf8' }).stdout).toBe('');
  });

  it.each(SHELLS)('look changes nothing, in %s', (...shell) => {
    mkdirSync(join(home, '.config'));
    const before = readdirSync(home);
    const { status, stdout, stderr } = run('remote-look.sh', '20.19\n', { shell });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^tt:shell=ok\n[^]*^tt:node=\d+\.\d+\.\d+ \/.*$[^]*^tt:room=\d+$[^]*tt:end=yes\n$/m);
    expect(stdout).toContain(`tt:missing=${home}/.local\n`);
    expect(stdout).not.toContain(`tt:missing=${home}/.config\n`);
    expect(readdirSync(home)).toEqual(before);
  });

  it('look passes over a Node that is too old, and names it', () => {
    const bin = join(home, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'node'), '#!/bin/sh\necho "20.18.9 /old/node"\n', { mode: 0o755 });
    const volta = join(home, '.volta/bin');
    mkdirSync(volta, { recursive: true });
    symlinkSync(process.execPath, join(volta, 'node'));
    const { stdout } = run('remote-look.sh', '20.19\n', { before: `PATH='${bin}':$PATH` });
    expect(stdout).toContain('tt:old_node=20.18.9 /old/node\n');
    expect(stdout.match(/^tt:node=/gm)).toHaveLength(1);
    expect(run('remote-look.sh', '999.1\n').stdout).not.toMatch(/^tt:node=/m);
    expect(run('remote-drain.sh', '999.1\ntoken\n1\n').stderr).toMatch(/^tt sync node \d+\.\d+\.\d+\n$/);
  });

  it.each(['remote-look.sh', 'remote-drain.sh'])('%s takes the Node that only a login shell finds', (script) => {
    const shell = join(home, 'login-shell');
    writeFileSync(shell, `#!/bin/sh\n[ "$1" = -lc ] && echo hello && echo '${home}/far/node'\n`, { mode: 0o755 });
    mkdirSync(join(home, 'far'));
    // Newer than any other: nothing else will do.
    writeFileSync(join(home, 'far/node'), `#!/bin/sh\ncase $1 in -p) echo "1000.0.0 ${home}/far/node" ;; *) echo "runs far" ;; esac\n`, { mode: 0o755 });
    expect(run(script, '999.1\ntoken\n1\n', { before: `SHELL='${shell}'` }).stdout).toMatch(script === 'remote-look.sh' ? /^tt:node=1000\.0\.0 .*\/far\/node$/m : /^runs far$/m);
  });
});

describe('a file that is put', () => {
  const content = Buffer.from('new content\n');
  const put = (content_: Buffer, { file = join(home, 'share/tt/file'), mode = '600', sum = sha256Of(content_), previous = '', before = '' } = {}): ReturnType<typeof run> =>
    run('remote-put.sh', Buffer.concat([Buffer.from(`${file}\n${mode}\n${sum}\n${process.execPath}\n${previous}\n`), content_]), { before });

  it('is there whole, with its directory, and nothing beside it', () => {
    expect(put(content).stdout).toBe(`tt:put=${home}/share/tt/file\n`);
    expect(readFileSync(join(home, 'share/tt/file'))).toEqual(content);
    expect(readdirSync(join(home, 'share/tt'))).toEqual(['file']);
  });

  it.each([
    ['arrives cut off', { sum: sha256Of(Buffer.from('other')) }, /^tt:fail=sum /],
    // The shell's own limit on a file stands for a disk that is full.
    ['finds no room', { before: 'ulimit -f 0' }, /^(tt:fail=(write|sum) |$)/],
  ])('leaves the one of before where it %s', (_what, how, says) => {
    const file = join(home, 'file');
    writeFileSync(file, 'old');
    const { status, stdout } = put(Buffer.alloc(100_000, 'x'), { file, ...how });
    expect(status).not.toBe(0);
    expect(stdout).toMatch(says);
    expect(stdout).not.toContain('tt:put');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(home)).toEqual(['file']);
  });

  it('is not taken when it is a program that does not start', () => {
    const file = join(home, 'tt-agent.mjs');
    writeFileSync(file, 'old');
    expect(put(Buffer.from('throw new Error("broken")\n'), { file }).stdout).toBe(`tt:fail=start ${file}\n`);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(put(Buffer.from('process.exit(0)\n'), { file, previous: `${file}.previous` }).status).toBe(0);
    expect(readFileSync(`${file}.previous`, 'utf8')).toBe('old');
  });

  it('goes through a link, and keeps the mode that was there', () => {
    const [real, link] = [join(home, 'dotfiles'), join(home, '.tmux.conf')];
    writeFileSync(real, 'old');
    chmodSync(real, 0o640);
    symlinkSync(real, link);
    expect(put(content, { file: link, mode: 'keep' }).status).toBe(0);
    expect(readFileSync(real)).toEqual(content);
    expect(spawnSync('ls', ['-l', link], { encoding: 'utf8' }).stdout).toMatch(/^l/);
    expect(spawnSync('ls', ['-l', real], { encoding: 'utf8' }).stdout).toMatch(/^-rw-r-----/);
  });
});

describe('enrolment there', () => {
  it('removes its socket, whatever is in its path, and hands the code on by stdin alone', async () => {
    const directory = join(home, "d'or");
    mkdirSync(directory);
    const socket = join(directory, 'enrol-0.sock');
    // A socket stays where whoever made it is killed, as ssh's do.
    spawnSync(process.execPath, ['-e', 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))', socket]);
    expect(existsSync(socket)).toBe(true);
    const agent = join(home, 'agent.sh');
    writeFileSync(agent, 'echo "$*"; cat\n');
    const { status, stdout, stderr } = run('remote-join.sh', `${socket}\ntt+unix:///x.sock\n/bin/sh\n${agent}\nCODE\n`);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: 'join tt+unix:///x.sock --code -\nCODE\n' });
    expect(existsSync(socket)).toBe(false);
  });
});

describe('what is removed', () => {
  let data: string;
  let state: string;
  const write = (names: readonly string[]): void => {
    for (const name of names) writeFileSync(join(data, name), '');
  };
  const remove = (before = ''): ReturnType<typeof run> => run('remote-remove.sh', `${data}\n${state}\n\n`, { before });
  beforeEach(() => {
    data = join(home, '.local/share/tt');
    state = join(home, '.local/state/tt');
    for (const directory of [data, state, join(home, '.local/bin')]) mkdirSync(directory, { recursive: true });
  });

  it('is only what was made: the files of before and of others stay', () => {
    const theirs = ['tt.db', 'machine.json', 'events.jsonl', 'events.jsonl.1'];
    write([...theirs, 'tt-agent.mjs', 'uplink.json', 'status.jsonl', 'status-0123456789abcdef.jsonl']);
    writeFileSync(join(data, 'deployed'), `made ${state}\nhad machine.json\nhad events.jsonl\n`);
    writeFileSync(join(home, '.local/bin/tt'), '#!/bin/sh\n# something else\n');
    writeFileSync(join(home, '.local/bin/tt-agent'), '#!/bin/sh\n# Made by tt deploy; tt undeploy removes it.\n');
    const { stdout } = remove();
    expect(readdirSync(data).toSorted()).toEqual(theirs.toSorted());
    expect(readdirSync(join(home, '.local/bin'))).toEqual(['tt']);
    expect(existsSync(state)).toBe(false);
    expect(stdout).toContain(`tt:left=${data}/tt.db\n`);
  });

  it.each([true, false])('is nothing that an agent kept there before it was deployed to: %s', (wasThere) => {
    const logs = ['machine.json', 'events.jsonl', 'events-0123456789abcdef.jsonl', 'status.jsonl', 'former-machines.json'];
    const make = (): void => {
      write(logs);
      for (const directory of [join(data, 'kept'), join(data, 'bad'), join(state, 'checkpoints')]) {
        mkdirSync(directory);
        writeFileSync(join(directory, 'x'), '');
      }
    };
    if (wasThere) make();
    const had = run('remote-look.sh', '20.19\n').stdout.split('\n').filter((line) => line.startsWith('tt:had=')).map((line) => `had ${line.slice('tt:had='.length)}\n`);
    writeFileSync(join(data, 'deployed'), `made ${data}\n${had.join('')}`);
    if (!wasThere) make();
    // The log of before goes on under another name.
    write(['tt-agent.mjs', 'events-fedcba9876543210.jsonl', 'status-fedcba9876543210.jsonl']);
    remove();
    expect([existsSync(data), existsSync(state)]).toEqual([wasThere, wasThere]);
    const left = wasThere ? [readdirSync(data).toSorted(), readdirSync(join(data, 'kept')), readdirSync(join(data, 'bad')), readdirSync(join(state, 'checkpoints'))] : [];
    expect(left).toEqual(wasThere ? [[...logs, 'kept', 'bad', 'events-fedcba9876543210.jsonl', 'status-fedcba9876543210.jsonl'].toSorted(), ['x'], ['x'], ['x']] : []);
  });

  it('is nothing behind a link that somebody else put into /tmp', () => {
    const bin = join(home, 'bin');
    const theirs = join(home, 'theirs');
    for (const directory of [bin, theirs]) mkdirSync(directory);
    writeFileSync(join(theirs, 'in-1.sock'), '');
    const account = basename(home);
    writeFileSync(join(bin, 'id'), `#!/bin/sh\necho ${account}\n`, { mode: 0o755 });
    const shared = `/tmp/tt-${account}`;
    symlinkSync(theirs, shared);
    try {
      expect(remove(`PATH='${bin}':$PATH`).stdout).toContain('tt:removed=yes\n');
      expect(readdirSync(theirs)).toEqual(['in-1.sock']);
    } finally {
      rmSync(shared);
    }
    mkdirSync(shared);
    writeFileSync(join(shared, 'in-1.sock'), '');
    expect(remove(`PATH='${bin}':$PATH`).stdout).toContain('tt:removed=yes\n');
    expect(existsSync(shared)).toBe(false);
  });
});
