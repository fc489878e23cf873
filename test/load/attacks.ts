/** What a bad client may try, one try each, and the code with which each must end. */
import { randomBytes } from 'node:crypto';
import { createKeyPair } from '../../shared/protocol/tokens.ts';
import { compressFrame } from '../../shared/protocol/compression.ts';
import { enrolRequest, ScriptedAgent, batchOf, machineId, paneFocus, tokenFor, type JoinedMachine } from '../support/scripted-agent.ts';
import { answerOf, frameHead, open, pour, refusalIn, refusedUpgrade, upgradeHeaders, type Address } from './raw-peer.ts';

export interface Target {
  url: string;
  address: Address;
  /** Enrolled, and hostile: each try has the next, because one that was told to go is kept out for a while. */
  nextAttacker(): JoinedMachine;
  revoked: JoinedMachine;
  retired: JoinedMachine;
  victim: JoinedMachine;
}

export interface Attack {
  name: string;
  /** Every try must end with one of these. */
  expected: readonly string[];
  /** For each round; the four rounds together make what is promised. */
  tries: number;
  atOnce: number;
  attempt(target: Target, attacker?: JoinedMachine): Promise<string>;
}

const MIB = 1024 * 1024;
const JUNK = randomBytes(MIB);
const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

async function bearer(target: Target, machine: JoinedMachine, options: Parameters<typeof tokenFor>[2] = {}): Promise<string> {
  return `Authorization: Bearer ${await tokenFor(target.url, machine, { instance: machine.machineId, ...options })}`;
}

async function dialled(target: Target, machine: JoinedMachine): Promise<ScriptedAgent> {
  return ScriptedAgent.connect(target.url, await tokenFor(target.url, machine, { instance: machine.machineId }));
}

/** Connected, greeted, ready to send batches. */
export async function greeted(target: Target, machine: JoinedMachine): Promise<ScriptedAgent> {
  const agent = await dialled(target, machine);
  agent.hello({ instance: machine.machineId });
  await agent.frame('welcome');
  return agent;
}

/** The goodbye's code, or the close's. */
async function endOf(agent: ScriptedAgent): Promise<string> {
  const { code } = await agent.close();
  const goodbye = agent.frames.find((frame) => frame.type === 'goodbye');
  return goodbye ? `goodbye ${goodbye.code}` : `closed ${code}`;
}

function sending(data: () => string | Uint8Array): Attack['attempt'] {
  return async (target, attacker = target.nextAttacker()) => {
    const agent = await greeted(target, attacker);
    agent.send(data());
    return endOf(agent);
  };
}

/** A socket that was upgraded, with no WebSocket library on this side. */
async function upgradedSocket(target: Target, attacker: JoinedMachine): Promise<ReturnType<typeof open>> {
  const socket = open(target.address);
  socket.write(upgradeHeaders([await bearer(target, attacker)]));
  await new Promise((resolve) => {
    socket.once('data', resolve);
    socket.once('close', resolve);
  });
  return socket;
}

/** The code of a close frame (RFC 6455 §5.5.1), wherever it is in what came. */
function closeCode(answer: string): string {
  const at = answer.lastIndexOf('\u0088');
  return at === -1 ? 'closed' : `closed ${(answer.charCodeAt(at + 2) << 8) | answer.charCodeAt(at + 3)}`;
}

const CREDENTIALS: Attack[] = [
  { name: 'no credential', expected: ['401 unauthorised'], tries: 50, atOnce: 8, attempt: ({ address }) => refusedUpgrade(address, []) },
  { name: 'no token at all', expected: ['401 unauthorised'], tries: 50, atOnce: 8, attempt: ({ address }) => refusedUpgrade(address, ['Authorization: Bearer x']) },
  {
    name: 'another key', expected: ['401 unauthorised'], tries: 50, atOnce: 8,
    attempt: async (target) => refusedUpgrade(target.address, [await bearer(target, { ...target.victim, keys: await createKeyPair() })]),
  },
  {
    name: 'an unknown machine', expected: ['404 unknown_machine'], tries: 50, atOnce: 8,
    attempt: async (target) => refusedUpgrade(target.address, [await bearer(target, { ...target.victim, machineId: machineId() })]),
  },
  {
    name: 'a replayed token', expected: ['401 unauthorised'], tries: 25, atOnce: 4,
    attempt: async (target, attacker = target.nextAttacker()) => {
      const token = await tokenFor(target.url, attacker);
      const agent = await ScriptedAgent.connect(target.url, token);
      const refusal = await refusedUpgrade(target.address, [`Authorization: Bearer ${token}`]);
      agent.terminate();
      await agent.close();
      return refusal;
    },
  },
  {
    name: 'a challenge nobody made', expected: ['401 unauthorised'], tries: 50, atOnce: 8,
    attempt: async (target, attacker = target.nextAttacker()) => refusedUpgrade(target.address, [await bearer(target, attacker, { nonce: 'n'.repeat(22) })]),
  },
  ...(['revoked', 'retired'] as const).map((ban): Attack => ({
    name: `a ${ban} machine`, expected: [`goodbye ${ban}`], tries: 25, atOnce: 1,
    attempt: async (target) => {
      const agent = await dialled(target, target[ban]);
      agent.hello({ instance: target[ban].machineId });
      return endOf(agent);
    },
  })),
  {
    name: 'a browser', expected: ['403 origin_refused'], tries: 50, atOnce: 8,
    attempt: async (target, attacker = target.nextAttacker()) => refusedUpgrade(target.address, [await bearer(target, attacker), 'Origin: http://127.0.0.1']),
  },
];

const STRANGERS: Attack[] = [
  {
    name: 'junk for HTTP', expected: ['400'], tries: 50, atOnce: 8,
    attempt: async ({ address }) => {
      const socket = open(address);
      socket.write(JUNK.subarray(0, 1000));
      return refusalIn(await answerOf(socket));
    },
  },
  {
    name: 'an enrolment of 100 MB', expected: ['400 malformed', '429 too_many_tries', 'closed'], tries: 1, atOnce: 1,
    attempt: async ({ address }) => {
      const socket = open(address);
      socket.write(`POST /enrol HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 * MIB}\r\n\r\n`);
      pour(socket, JUNK, 100 * MIB);
      return refusalIn(await answerOf(socket));
    },
  },
  {
    name: 'headers byte by byte', expected: ['408', 'closed'], tries: 20, atOnce: 20,
    attempt: async ({ address }) => {
      const socket = open(address);
      const bytes = upgradeHeaders([`X-Pad: ${'x'.repeat(4000)}`]);
      let at = 0;
      const drip = setInterval(() => socket.write(bytes[at++] ?? ''), 100);
      const answer = await answerOf(socket);
      clearInterval(drip);
      return refusalIn(answer);
    },
  },
  {
    name: 'a silent socket', expected: ['408', 'closed'], tries: 250, atOnce: 250,
    attempt: async ({ address }) => refusalIn(await answerOf(open(address))),
  },
  {
    name: 'a guess to enrol', expected: ['403 code_unknown', '429 too_many_tries'], tries: 2500, atOnce: 16,
    attempt: async ({ address }) => {
      const body = JSON.stringify(await enrolRequest(randomBytes(16).toString('hex'), GUESSING_KEYS));
      const socket = open(address);
      socket.write(`POST /enrol HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return refusalIn(await answerOf(socket));
    },
  },
];

const ENROLLED: Attack[] = [
  { name: 'no hello', expected: ['goodbye hello_timeout'], tries: 4, atOnce: 4, attempt: async (target, attacker = target.nextAttacker()) => endOf(await dialled(target, attacker)) },
  {
    name: 'another machine’s events', expected: ['refused'], tries: 25, atOnce: 4,
    attempt: async (target, attacker = target.nextAttacker()) => {
      const agent = await greeted(target, attacker);
      agent.send(batchOf(1, Array.from({ length: 100 }, (_, at) => paneFocus(target.victim.machineId, '2026-01-05T11:00:00.000Z', `%${at}`))));
      const { verdicts, refused } = await agent.frame('ack');
      agent.terminate();
      await agent.close();
      return verdicts === 'r'.repeat(100) && refused.every(({ code }) => code === 'foreign_machine') ? 'refused' : `ack ${verdicts}`;
    },
  },
  {
    name: 'a frame of 100 MB', expected: ['closed 1009', 'closed'], tries: 5, atOnce: 1,
    attempt: async (target, attacker = target.nextAttacker()) => {
      const socket = await upgradedSocket(target, attacker);
      const answer = answerOf(socket);
      socket.write(frameHead({ opcode: 1, isLast: true, bytes: 100 * MIB }));
      pour(socket, JUNK, 100 * MIB);
      return closeCode(await answer);
    },
  },
  {
    name: '100 MB in fragments', expected: ['closed 1009', 'closed'], tries: 5, atOnce: 1,
    attempt: async (target, attacker = target.nextAttacker()) => {
      const socket = await upgradedSocket(target, attacker);
      const answer = answerOf(socket);
      const fragment = Buffer.concat([frameHead({ opcode: 0, isLast: false, bytes: 65_536 }), JUNK.subarray(0, 65_536)]);
      socket.write(frameHead({ opcode: 1, isLast: false, bytes: 0 }));
      pour(socket, fragment, 100 * MIB);
      return closeCode(await answer);
    },
  },
  { name: 'deep JSON', expected: ['goodbye protocol_error'], tries: 10, atOnce: 2, attempt: sending(() => `{"type":"status","x":${DEEP}}`) },
  { name: 'deep JSON in a batch', expected: ['goodbye protocol_error'], tries: 10, atOnce: 2, attempt: sending(() => `{"type":"batch","seq":1,"lane":"live","x":${DEEP}}`) },
  { name: 'binary junk', expected: ['goodbye protocol_error'], tries: 25, atOnce: 4, attempt: sending(() => JUNK.subarray(1, 100_000)) },
  { name: 'no brotli', expected: ['goodbye protocol_error'], tries: 25, atOnce: 4, attempt: sending(() => Buffer.concat([Buffer.of(1), JUNK.subarray(0, 100_000)])) },
  {
    name: 'once more after that', expected: ['429 broke_protocol'], tries: 5, atOnce: 2,
    attempt: async (target, attacker = target.nextAttacker()) => {
      const agent = await greeted(target, attacker);
      agent.send('nonsense');
      await agent.close();
      return refusedUpgrade(target.address, [await bearer(target, attacker)]);
    },
  },
  { name: 'a bomb of brotli', expected: ['goodbye protocol_error'], tries: 5, atOnce: 2, attempt: sending(() => BOMB) },
];

const GUESSING_KEYS = await createKeyPair();
const BOMB = compressFrame(Buffer.alloc(100 * MIB, 0x20));

export const ATTACKS: readonly Attack[] = [...CREDENTIALS, ...STRANGERS, ...ENROLLED];

/** How the tries ended, and how often each way. */
export async function tally(attack: Attack, target: Target, tries = attack.tries): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < tries) {
      started += 1;
      const end = await attack.attempt(target).catch((error: unknown) => `failed: ${error instanceof Error ? error.message : String(error)}`);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(attack.atOnce, tries) }, lane));
  return ends;
}
