// Whoever takes the collector's port, before a machine joined or after, and whoever passes an agent's
// words on from another address: gets no event, and moves no checkpoint.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkpointPaths, loadCheckpoint } from '../../agent/checkpoint/checkpoint-files.ts';
import { parseCollectorId } from '../../shared/ids.ts';
import { encodeFrame } from '../../shared/protocol/codec.ts';
import type { FrameSocket } from '../../shared/protocol/frame-socket.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import { createKeyPair, signCollectorToken, type KeyPair } from '../../shared/protocol/tokens.ts';
import { agentStatusSchema } from '../../shared/status.ts';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, enrol, readFacts, startAgent, startCollector, untilAgreed, type RunningCollector } from '../support/fleet.ts';
import { openImpostor } from '../support/impostor.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, runJson, type RunningProgram } from '../support/processes.ts';
import { hasSshd, openRealSshd } from '../support/real-sshd.ts';
import { machineId } from '../support/scripted-agent.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { openWireTap } from '../support/wire-tap.ts';

beforeAll(ensureExecutables, 120_000);

const SECRET = 'words-for-the-collector-alone';
let laptop: MachineHome;
let devbox: MachineHome;
let writer: ClaudeWriter;
beforeEach(() => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
  writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(freshSeed()) });
});
afterEach(async () => {
  await killAll();
  laptop.remove();
  devbox.remove();
});

interface CollectorFile {
  collector_id: string;
  public_key: string;
  private_key: string;
}

function collectorFile(): CollectorFile {
  return JSON.parse(readFileSync(laptop.paths.collectorFile, 'utf8')) as CollectorFile;
}

/** What is acknowledged of each file, as it stands on disk. The agent must have ended. */
function checkpoint(): Record<string, number> {
  const { records } = loadCheckpoint(checkpointPaths(devbox.paths.checkpointDir), 0);
  return Object.fromEntries([...records.values()].map(({ gen, offset }) => [gen, offset]));
}

function agentStatus() {
  return runJson(devbox, 'tt-agent', ['status', '--json'], (value) => agentStatusSchema.parse(value));
}

/** A welcome as the collector's, with a token of this key over this nonce. */
async function welcome(socket: FrameSocket, keys: KeyPair, nonce: string): Promise<void> {
  const id = parseCollectorId(collectorFile().collector_id);
  if (id === undefined) throw new Error('no collector ID');
  const token = await signCollectorToken(keys, { collectorId: id, machineId: machineId(devbox.machineId()), nonce });
  socket.send(encodeFrame({
    type: 'welcome', protocol: 1, capabilities: ['replace'], version: '0.1.0', token, limits: { ...WIRE_LIMITS }, clock: Date.now(), settled: true,
  }));
}

const DISGUISES: Record<string, (nonce: string, socket: FrameSocket) => Promise<void>> = {
  'sends no welcome at all': async () => {},
  'welcomes with a key of its own': async (nonce, socket) => welcome(socket, await createKeyPair(), nonce),
  'welcomes with what the collector once signed': async (_nonce, socket) => {
    const { public_key: publicKey, private_key: privateKey } = collectorFile();
    await welcome(socket, { publicKey, privateKey }, 'nonce-of-another-conversation');
  },
};

describe('who holds the port before a machine joins', () => {
  it('is found out, learns no code, and nothing is pinned', async () => {
    const impostor = await openImpostor({ collectorId: '22222222-2222-4222-8222-222222222222' });
    try {
      const code = '7k2mq-9xw4t-b3hnv-8rdfz-c5j1p-6';
      const joined = await runCommand(devbox, 'tt-agent', ['join', impostor.url, '--code', '-'], { stdin: `${code}\n` });
      expect(joined).toMatchObject({ code: 5, stderr: expect.stringContaining('does not know the code; nothing was pinned') as string });
      expect(existsSync(devbox.paths.uplinkFile)).toBe(false);
      expect(impostor.said()).toContain('POST /enrol');
      expect(impostor.said()).not.toContain(code);
      expect(impostor.said()).not.toContain(code.replaceAll('-', ''));
    } finally {
      await impostor.close();
    }
  });
});

describe('who takes the port after a machine joined', () => {
  it.each(Object.keys(DISGUISES))('and %s gets a hello and nothing more, and its acknowledgements count for nothing', async (disguise) => {
    const collector: RunningCollector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const agent = await startAgent(devbox);
    const session = writer.session({ version: '2.1.39', cwd: '/home/dev/app' });
    session.burst(20);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    await agent.stop();
    await collector.stop();
    const before = checkpoint();
    expect(Math.max(...Object.values(before))).toBeGreaterThan(0);
    const onHello = DISGUISES[disguise];
    const impostor = await openImpostor({ port: collector.ingestPort, collectorId: collectorFile().collector_id, ...(onHello ? { onHello } : {}) });
    let fooled: RunningProgram | undefined;
    try {
      session.prompt(SECRET);
      session.burst(20);
      fooled = await startAgent(devbox);
      await until('two tries of the agent', () => impostor.frames().length >= 2);
      expect(new Set(impostor.frames())).toEqual(new Set(['hello']));
      expect(impostor.said()).not.toContain(SECRET);
      expect(impostor.said()).not.toContain('/home/dev/app');
      expect(await agentStatus()).toMatchObject({ connected: false, problems: [expect.stringMatching(/could not prove|came before a welcome/)] });
      await fooled.stop();
      expect(checkpoint()).toEqual(before);
    } finally {
      await impostor.close();
    }
    await startCollector(laptop);
    await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
  });
});

describe('who passes everything on from an address that was not handed out', () => {
  it('is refused by the collector, which says so, and gets nothing', async () => {
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const relay = await openWireTap(collector.ingestPort);
    try {
      const session = writer.session({ version: '2.1.39', cwd: '/home/dev/app' });
      session.prompt(SECRET);
      mkdirSync(devbox.paths.stateDir, { recursive: true, mode: 0o700 });
      writeFileSync(devbox.paths.endpointFile, JSON.stringify({ url: relay.url }));
      const agent = await startAgent(devbox);
      await until('two tries of the agent', () => relay.connections >= 4);
      expect(relay.received()).toMatch(/HTTP\/1\.1 401 /);
      expect(relay.sent()).not.toContain(SECRET);
      expect(relay.sent()).not.toContain('"type":"hello"');
      expect(await agentStatus()).toMatchObject({ connected: false, problems: [expect.stringContaining('refuses this machine')] });
      const [machine] = (await collectorStatus(laptop)).machines;
      expect(machine).toMatchObject({ label: 'devbox', connected: false, problem: expect.stringContaining(relay.url) as string });
      expect(readFacts(laptop.paths.database).facts).toEqual([]);
      rmSync(devbox.paths.endpointFile);
      await untilAgreed(laptop.paths.database, () => writer.facts);
      expect((await collectorStatus(laptop)).machines).toMatchObject([{ connected: true, problem: null }]);
      await agent.stop();
      expect(Object.values(checkpoint()).every((offset) => offset > 0)).toBe(true);
    } finally {
      await relay.close();
    }
  });

  it('may pass on where the machine joined by that address: its owner named it', async () => {
    const collector = await startCollector(laptop);
    const forward = await openWireTap(collector.ingestPort);
    try {
      await enrol(laptop, devbox, 'devbox', forward.url);
      writer.session({ version: '2.1.39', cwd: '/home/dev/app' }).burst(10);
      await startAgent(devbox);
      await untilAgreed(laptop.paths.database, () => writer.facts);
      expect(forward.sent()).toContain('"type":"batch"');
    } finally {
      await forward.close();
    }
  });
});

describe.skipIf(!hasSshd)('who takes the port that a tunnel has left, and passes everything on through the present one', () => {
  it('is refused, and nothing goes through it', async () => {
    const { HOME = '', XDG_STATE_HOME = '' } = devbox.environment;
    await using sshd = await openRealSshd({ environment: { HOME, XDG_STATE_HOME } });
    sshd.configure(['AllowStreamLocalForwarding no']);
    await sshd.stop();
    await sshd.start();
    laptop.environment['PATH'] = `${sshd.binDir}:${laptop.environment['PATH'] ?? ''}`;
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await runCommand(laptop, 'tt', ['tunnel', 'add', 'devbox', 'devbox']);
    const portOf = (not = 0): Promise<number> => until('the end of a tunnel', () => {
      const { url } = JSON.parse(readFileSync(devbox.paths.endpointFile, 'utf8')) as { url: string };
      const port = Number(new URL(url).port);
      return port !== not && port;
    });
    const left = await portOf();
    sshd.killSessions();
    const present = await portOf(left);
    const relay = await openWireTap(present, left);
    try {
      const endpointFile = readFileSync(devbox.paths.endpointFile, 'utf8');
      // As it stands for an agent that did not hear of the new one yet.
      writeFileSync(devbox.paths.endpointFile, JSON.stringify({ url: relay.url }));
      writer.session({ version: '2.1.39', cwd: '/home/dev/app' }).prompt(SECRET);
      await startAgent(devbox);
      await until('two tries of the agent', () => relay.connections >= 4);
      expect(relay.received()).toMatch(/HTTP\/1\.1 401 /);
      expect(relay.sent()).not.toContain('"type":"hello"');
      expect(relay.sent()).not.toContain(SECRET);
      expect(readFacts(laptop.paths.database).facts).toEqual([]);
      writeFileSync(devbox.paths.endpointFile, endpointFile);
      await untilAgreed(laptop.paths.database, () => writer.facts);
    } finally {
      await relay.close();
    }
  });
});
