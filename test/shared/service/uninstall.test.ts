import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { install, uninstall } from '../../../shared/service/actions.ts';
import type { ServiceProgram } from '../../../shared/service/service.ts';
import { testIo, type TestIo } from '../../support/command-io.ts';

const program: ServiceProgram = { name: 'tt-agent', words: 'tt-agent', arguments: ['run'], logName: 'agent.log', finalStatus: 5, check: () => {} };
const json = { args: [], options: { json: true } };

let home: string;
let bin: string;
let unit: string;
let starter: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-'));
  bin = join(home, 'bin');
  mkdirSync(bin);
  unit = join(home, '.config/systemd/user/tt-agent.service');
  starter = join(home, '.local/share/tt/tt-agent.sh');
  standIn('crontab', 'exit 1');
  standIn('loginctl', 'exit 1');
});
afterEach(async () => {
  systemdSays('offline', 0);
  await uninstall(program, json, io());
  rmSync(home, { recursive: true, force: true });
});

function standIn(name: string, body: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

/** A user's systemd that is in that state, and ends everything else with that status. */
function systemdSays(state: string, status: number): void {
  standIn('systemctl', `echo "$*" >>'${join(home, 'asked')}'\ncase $2 in is-system-running) echo ${state} ;; *) [ ${status} = 0 ] || echo 'Failed to connect to bus' >&2; exit ${status} ;; esac`);
}

function io(): TestIo {
  const found = testIo(home, { environment: { PATH: `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}` } });
  // It lasts, whatever its arguments are.
  writeFileSync(join(home, 'program.mjs'), 'setInterval(() => {}, 1000);\n');
  return { ...found, program: { node: process.execPath, file: join(home, 'program.mjs') } };
}

async function uninstalled(): Promise<unknown> {
  const seen = io();
  await uninstall(program, json, seen);
  return JSON.parse(seen.out());
}

describe.skipIf(platform() === 'darwin')('what keeps the program running', () => {
  it.each([['offline', 1], ['stopping', 1], ['running', 1]] as const)('stays where systemd started it and can not end it now: %s', async (state, status) => {
    mkdirSync(dirname(unit), { recursive: true });
    writeFileSync(unit, '[Service]\n');
    systemdSays(state, status);
    await expect(uninstalled()).rejects.toMatchObject({ code: 'service_failed', message: expect.stringContaining('Failed to connect to bus') as unknown, hint: expect.stringContaining(`rm ${unit}`) as unknown });
    expect(existsSync(unit)).toBe(true);
  });

  it('is removed where systemd did it, though it looks for another now', async () => {
    mkdirSync(dirname(unit), { recursive: true });
    writeFileSync(unit, '[Service]\n');
    systemdSays('stopping', 0);
    expect(await uninstalled()).toMatchObject({ removed: true, kind: 'systemd' });
    expect(readFileSync(join(home, 'asked'), 'utf8')).toContain('--user disable --now tt-agent.service\n');
    expect(existsSync(unit)).toBe(false);
    expect(await uninstalled()).toMatchObject({ removed: false });
  });

  it('is one alone: a systemd that came later takes over from the keeper in the background', async () => {
    systemdSays('offline', 1);
    await install(program, json, io());
    const pidFile = join(home, '.local/state/tt/tt-agent.pid');
    expect([existsSync(starter), existsSync(pidFile), existsSync(unit)]).toEqual([true, true, false]);
    systemdSays('running', 0);
    await install(program, json, io());
    expect([existsSync(starter), existsSync(pidFile), existsSync(unit)]).toEqual([false, false, true]);
  });
});
