import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { restoreArchive, writeArchive } from '../../../collector/control/archive.ts';
import { acceptBackup } from '../../../collector/store/backup.ts';
import { openReader } from '../../../collector/store/database.ts';
import { openIngest, type IngestFixture } from '../../support/ingest-fixture.ts';
import { batchOf, join as joinMachine, paneFocus, ScriptedAgent, tokenFor } from '../../support/scripted-agent.ts';

const NOW = Date.UTC(2026, 0, 5, 12, 30);

function pathsIn(directory: string): { collectorFile: string; machinesFile: string; database: string } {
  return { collectorFile: join(directory, 'collector.json'), machinesFile: join(directory, 'machines.json'), database: join(directory, 'collector.db') };
}

function emptyDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'tt-archive-'));
}

function eventsIn(database: string): number {
  const reader = openReader(database);
  try {
    return (reader.prepare('SELECT count(*) AS n FROM events').get() as { n: number }).n;
  } finally {
    reader.close();
  }
}

/** A collector with one machine and one event, and its archive. */
async function archived(): Promise<{ collector: IngestFixture; file: string }> {
  const collector = await openIngest();
  const machine = await joinMachine(collector.url, collector.codes.create('devbox').code);
  const agent = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
  agent.hello();
  await agent.frame('welcome');
  agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
  await agent.frame('ack');
  const file = join(collector.directory, 'backup.db');
  await writeArchive(file, pathsIn(collector.directory), (copy) => collector.writer.call('backup', copy));
  return { collector, file };
}

describe('a backup', () => {
  it('is one private file, written while the collector works, with nothing left beside it', async () => {
    const { collector, file } = await archived();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(collector.directory).filter((name) => name.startsWith('backup'))).toEqual(['backup.db']);
    await collector[Symbol.asyncDispose]();
  });

  it('makes a new laptop the same collector', async () => {
    const { collector, file } = await archived();
    const directory = emptyDirectory();
    expect(restoreArchive(file, pathsIn(directory), NOW)).toEqual({ setAside: null, tookIdentity: true, tookMachines: true });
    for (const name of ['collector.json', 'machines.json']) {
      expect(readFileSync(join(directory, name), 'utf8')).toBe(readFileSync(join(collector.directory, name), 'utf8'));
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    expect(eventsIn(join(directory, 'collector.db'))).toBe(1);
    await collector[Symbol.asyncDispose]();
  });

  it('leaves no private key in the database that it becomes', async () => {
    const { collector, file } = await archived();
    const directory = emptyDirectory();
    restoreArchive(file, pathsIn(directory), NOW);
    const key = collector.identity.keys.privateKey;
    expect(readFileSync(file).includes(key)).toBe(true);
    expect(readFileSync(join(directory, 'collector.db')).includes(key)).toBe(false);
    await collector[Symbol.asyncDispose]();
  });

  it('keeps the identity, the machines and the database that are there', async () => {
    const { collector, file } = await archived();
    const other = await openIngest();
    const { directory, identity } = other;
    other.registry.enrol({ machineId: (await joinMachine(other.url, other.codes.create('laptop').code)).machineId, label: 'laptop', publicKey: 'A'.repeat(43), nowMs: NOW });
    await other.ingest.close();
    await other.writer.close();
    const restored = restoreArchive(file, pathsIn(directory), NOW);
    expect(restored).toEqual({ setAside: join(directory, 'collector.db.before-20260105T123000Z'), tookIdentity: false, tookMachines: false });
    expect(readFileSync(join(directory, 'collector.json'), 'utf8')).toContain(identity.collectorId);
    expect(readFileSync(join(directory, 'machines.json'), 'utf8')).toContain('laptop');
    expect(eventsIn(restored.setAside ?? '')).toBe(0);
    expect(eventsIn(join(directory, 'collector.db'))).toBe(1);
    rmSync(directory, { recursive: true });
    await collector[Symbol.asyncDispose]();
  });

  it.each([
    ['a damaged backup', (file: string) => truncateSync(file, statSync(file).size - 8192)],
    ['something else', (file: string) => writeFileSync(file, 'hello '.repeat(2000))],
    ['a file that is not there', (file: string) => rmSync(file)],
  ])('refuses %s and touches nothing', async (_what, spoil) => {
    const { collector, file } = await archived();
    const spoilt = join(emptyDirectory(), 'spoilt.db');
    copyFileSync(file, spoilt);
    spoil(spoilt);
    const directory = emptyDirectory();
    expect(() => restoreArchive(spoilt, pathsIn(directory), NOW)).toThrow(/damaged|malformed|no database of tt|there is no/);
    expect(readdirSync(directory)).toEqual([]);
    await collector[Symbol.asyncDispose]();
  });

  it('gets its name only when it is found sound', async () => {
    const { collector, file } = await archived();
    const [sealed, named] = ['sealed.db', 'named.db'].map((name) => join(emptyDirectory(), name)) as [string, string];
    copyFileSync(file, sealed);
    truncateSync(sealed, statSync(sealed).size - 4096);
    expect(() => acceptBackup(sealed, named)).toThrow(/damaged|malformed/);
    expect([existsSync(sealed), existsSync(named)]).toEqual([false, false]);
    copyFileSync(file, sealed);
    acceptBackup(sealed, named);
    expect([existsSync(sealed), existsSync(named)]).toEqual([false, true]);
    await collector[Symbol.asyncDispose]();
  });

  it('refuses a database that is no backup', async () => {
    const { collector } = await archived();
    const copy = join(emptyDirectory(), 'plain.db');
    await collector.writer.call('backup', copy);
    expect(() => restoreArchive(copy, pathsIn(emptyDirectory()), NOW)).toThrow(/no backup/);
    await collector[Symbol.asyncDispose]();
  });

  it('leaves nothing behind when it cannot be written', async () => {
    const { collector } = await archived();
    const file = join(emptyDirectory(), 'missing', 'b.db');
    await expect(writeArchive(file, pathsIn(collector.directory), (copy) => collector.writer.call('backup', copy))).rejects.toThrow(/./);
    expect(existsSync(`${file}.part`)).toBe(false);
    await collector[Symbol.asyncDispose]();
  });
});
