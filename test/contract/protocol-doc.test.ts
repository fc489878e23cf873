import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '../../shared/event.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import { CAPABILITIES, CLOSE_CODES, GOODBYE_CODES, PROTOCOL_VERSION, REFUSAL_CODES } from '../../shared/protocol/frames.ts';
import { verifyCollectorToken } from '../../shared/protocol/tokens.ts';
import { parseCollectorId, parseMachineId } from '../../shared/ids.ts';
import { sample, sampleNames } from './samples.ts';

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const conversation = [...page.matchAll(/```json\n(.+)\n```/g)].map(([, line = '']) => JSON.parse(line) as { type: string });

describe('docs/protocol.md', () => {
  it('shows frames that are frozen samples, each', () => {
    const samples = sampleNames('frame.').map((name) => sample(name));
    expect(conversation.map(({ type }) => type)).toEqual(['hello', 'welcome', 'ledger', 'closed', 'batch', 'ack', 'status']);
    for (const frame of conversation) expect(samples).toContainEqual(frame);
  });

  it('shows a welcome that proves itself over the nonce of the hello', async () => {
    const [hello, welcome] = conversation as unknown as [{ nonce: string }, { token: string }];
    const { machine_id, collector_id, collector_key } = sample<{ machine_id: string; collector_id: string; collector_key: { publicKey: string } }>('tokens');
    expect(await verifyCollectorToken(welcome.token, {
      machineId: parseMachineId(machine_id)!, collectorId: parseCollectorId(collector_id)!, nonce: hello.nonce, publicKey: collector_key.publicKey,
    })).toMatchObject({ ok: true });
  });

  it('names the version and every frame, goodbye, refusal, capability and event type', () => {
    expect(page).toContain(`Version ${PROTOCOL_VERSION}.`);
    for (const name of sampleNames('frame.')) expect(page).toContain(`\`${sample<{ type: string }>(name).type}\``);
    for (const code of GOODBYE_CODES) expect(page).toContain(`| \`${code}\` | ${CLOSE_CODES[code]} |`);
    for (const word of [...REFUSAL_CODES, ...Object.values(CAPABILITIES), ...EVENT_TYPES]) expect(page).toContain(`\`${word}\``);
  });

  it('has the limits of the code', () => {
    for (const [name, value] of Object.entries(WIRE_LIMITS)) {
      expect(page).toMatch(new RegExp(`\`${name}\`.*\\| ${value.toLocaleString('en-US')}`));
    }
  });
});
