// A real systemd of a user: what install makes of both programs, and that uninstall leaves nothing of it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { collectorStatusSchema, machineAddedSchema } from '../../shared/status.ts';
import { collectorStatus, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, runJson } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { noUserSystemd, openUserSystemd, type UserSystemd } from '../support/user-systemd.ts';

beforeAll(ensureExecutables, 120_000);

const installedSchema = z.object({ kind: z.string(), notes: z.array(z.string()) });
let systemd: UserSystemd;
let laptop: MachineHome;

/** One of our programs, as the account's own shell runs it. */
function program(name: 'tt' | 'tt-agent', args: readonly string[], options: { stdin?: string; environment?: Record<string, string> } = {}): string {
  const { code, stdout, stderr } = systemd.run(process.execPath, [join(systemd.root, 'dist', `${name}.mjs`), ...args], options);
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** It is killed and runs again, as another process. */
async function killAndAwait(unit: string): Promise<void> {
  const before = systemd.property(unit, 'MainPID');
  process.kill(Number(before), 'SIGKILL');
  await until(`another ${unit}`, () => systemd.property(unit, 'ActiveState') === 'active' && !['0', before].includes(systemd.property(unit, 'MainPID')), { everyMs: 100 });
  expect(systemd.property(unit, 'NRestarts')).toBe('1');
}

/** Not waiting for its next start either: that would be `auto-restart`. */
async function untilDown(unit: string, status: string): Promise<void> {
  await until(`${unit} to be down`, () => systemd.property(unit, 'SubState') === 'failed');
  expect(systemd.property(unit, 'ExecMainStatus')).toBe(status);
}

function expectNothingLeft(before: readonly string[]): void {
  expect(systemd.files()).toEqual(before);
  expect(systemd.run('systemctl', ['--user', 'list-units', '--all', '--plain', '--no-legend', 'tt-*']).stdout).toBe('');
  expect(systemd.run('systemctl', ['--user', 'list-unit-files', '--no-legend', 'tt-*']).stdout).toBe('');
}

// CI runs it as root; elsewhere the reason is in the name.
describe.skipIf(noUserSystemd !== undefined)(`a user’s systemd (${noUserSystemd ?? 'a real one'})`, () => {
  beforeEach(async () => {
    systemd = await openUserSystemd();
    laptop = createMachineHome('laptop');
  });
  afterEach(async () => {
    await systemd[Symbol.asyncDispose]();
    await killAll();
    laptop.remove();
  });

  it('keeps the agent running, not once it was revoked, and forgets it', async () => {
    await startCollector(laptop);
    const { url, code } = await runJson(laptop, 'tt', ['machines', 'add', 'devbox', '--json'], (value) => machineAddedSchema.parse(value));
    program('tt-agent', ['join', url, '--code', '-'], { stdin: `${code}\n` });
    const before = systemd.files();
    const { kind, notes } = installedSchema.parse(JSON.parse(program('tt-agent', ['install', '--json'])));
    expect(kind).toBe('systemd');
    expect(notes.join('\n')).toMatch(/wrote .*tt-agent\.service\n.*loginctl enable-linger/);
    const untilConnected = (): Promise<unknown> => until('the agent', async () => (await collectorStatus(laptop)).machines.some(({ connected }) => connected === true), { everyMs: 200 });
    await untilConnected();
    await killAndAwait('tt-agent.service');
    await untilConnected();

    expect(await runCommand(laptop, 'tt', ['machines', 'revoke', 'devbox'])).toMatchObject({ code: 0 });
    await untilDown('tt-agent.service', '5');
    expect(program('tt-agent', ['uninstall'])).toMatch(/no longer kept running/);
    expectNothingLeft(before);
  });

  it('keeps the collector running, not with a wrong configuration, and forgets it', async () => {
    const before = systemd.files();
    program('tt', ['collector', 'install'], { environment: { TT_INGEST_PORT: '0', TT_UI_PORT: '0' } });
    const untilRunning = (): Promise<unknown> => until('the collector', () => collectorStatusSchema.parse(JSON.parse(program('tt', ['status', '--json']))).running === true, { everyMs: 200 });
    await untilRunning();
    await killAndAwait('tt-collector.service');
    await untilRunning();

    const directory = join(systemd.home, '.config/tt');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'config.toml'), 'log_level = "loud"\n');
    systemd.run('systemctl', ['--user', 'restart', 'tt-collector.service']);
    await untilDown('tt-collector.service', '2');
    rmSync(directory, { recursive: true });
    expect(program('tt', ['collector', 'uninstall'])).toMatch(/no longer kept running/);
    expectNothingLeft(before);
  });
});
