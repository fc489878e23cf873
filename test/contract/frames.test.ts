import { describe, expect, it } from 'vitest';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import {
  decodeAgentFrame, decodeBatch, decodeCollectorFrame, encodeBatch, encodeBatchBytes, encodeFrame, peekFrameType,
} from '../../shared/protocol/codec.ts';
import { compressFrame, decompressFrame } from '../../shared/protocol/compression.ts';
import { BINARY_KINDS, CLOSE_CODES, FATAL_GOODBYES, GOODBYE_CODES, type BatchFrame, type Frame } from '../../shared/protocol/frames.ts';
import { hashBytes, positionsDigest } from '../../shared/protocol/positions.ts';
import { sample, sampleNames } from './samples.ts';

type Json = Record<string, unknown>;
type Decode = (text: string) => { ok: true; frame: unknown } | { ok: false; reason: string };

const DECODERS: Record<string, Decode[]> = {
  hello: [decodeAgentFrame], closed: [decodeAgentFrame], status: [decodeAgentFrame], batch: [decodeBatch],
  probe: [decodeAgentFrame, decodeCollectorFrame], welcome: [decodeCollectorFrame], ledger: [decodeCollectorFrame],
  ack: [decodeCollectorFrame], rewind: [decodeCollectorFrame], busy: [decodeCollectorFrame],
  disk_full: [decodeCollectorFrame], goodbye: [decodeCollectorFrame],
  archive: [decodeCollectorFrame], offer: [decodeAgentFrame], holdings: [decodeCollectorFrame], archived: [decodeCollectorFrame],
  audit: [decodeCollectorFrame], audited: [decodeAgentFrame],
};

const frames = sampleNames('frame.').map((name) => [name, sample<Json & { type: string }>(name)] as const);
const decodersOf = (type: string): Decode[] => DECODERS[type] ?? [];

function decode(frame: Json & { type: string }): unknown {
  const [first] = decodersOf(frame.type).map((decoder) => decoder(JSON.stringify(frame)));
  return first;
}

describe('the samples', () => {
  it('cover every frame type', () => {
    expect([...new Set(frames.map(([, frame]) => frame.type))].toSorted()).toEqual(Object.keys(DECODERS).toSorted());
  });
});

describe.each(frames)('%s', (_name, frame) => {
  it('is decoded as it was written and encoded as it was decoded', () => {
    for (const decoder of decodersOf(frame.type)) {
      const decoded = decoder(JSON.stringify(frame));
      expect(decoded).toEqual({ ok: true, frame });
      expect(JSON.parse(encodeFrame((decoded as { frame: Frame }).frame))).toEqual(frame);
    }
  });

  it('tells its type in its first bytes', () => {
    expect(peekFrameType(Buffer.from(encodeFrame(frame as unknown as Frame)))).toBe(frame.type);
  });

  it('may carry keys that nobody knows yet', () => {
    const newer = { ...frame, a_new_key: { nested: [1, 'x', null] } };
    for (const decoder of decodersOf(frame.type)) expect(decoder(JSON.stringify(newer))).toEqual({ ok: true, frame: newer });
  });

  const required = Object.keys(frame).filter((key) => !['entries', 'schema_version', 'replace', 'line'].includes(key));
  it.each(required)('is refused without %s', (key) => {
    const { [key]: _dropped, ...rest } = frame;
    for (const decoder of decodersOf(frame.type)) {
      expect(decoder(JSON.stringify(rest))).toMatchObject({ ok: false, reason: expect.stringMatching(/./) as unknown });
    }
  });

  it.each(required)('is refused with a wrong %s', (key) => {
    for (const decoder of decodersOf(frame.type)) {
      expect(decoder(JSON.stringify({ ...frame, [key]: { wrong: true } })).ok).toBe(false);
    }
  });
});

describe('a frame that is no frame', () => {
  const texts = ['', 'x', 'null', '[]', '"hello"', '{}', '{"type":"unheard_of"}', '{"type":1}', '{"type":"hello"', 'é'];
  it.each(texts)('is refused with a reason: %j', (text) => {
    for (const decoder of [decodeAgentFrame, decodeBatch, decodeCollectorFrame]) {
      expect(decoder(text)).toMatchObject({ ok: false, reason: expect.stringMatching(/./) as unknown });
    }
  });

  it.each(['', ' {"type":"hello"}', '{"x":1,"type":"hello"}', '{"type":5}', '{"type":"unterminated and much longer than the peek goes'])(
    'has no type at the front: %j', (text) => {
      expect(peekFrameType(Buffer.from(text))).toBeUndefined();
    },
  );

  it('of the other side is refused', () => {
    expect(decodeAgentFrame(JSON.stringify(sample('frame.welcome'))).ok).toBe(false);
    expect(decodeCollectorFrame(JSON.stringify(sample('frame.hello'))).ok).toBe(false);
    expect(decodeAgentFrame(JSON.stringify(sample('frame.batch'))).ok).toBe(false);
  });
});

describe('values out of bounds', () => {
  const file = sample<BatchFrame>('frame.batch').files[0];
  it.each([
    ['frame.hello', { protocol: 1.5 }], ['frame.hello', { capabilities: Array.from({ length: 65 }, () => 'x') }],
    ['frame.hello', { label: 'x'.repeat(257) }], ['frame.closed', { gens: ['not a generation'] }],
    ['frame.ledger', { positions: [['00112233445566778899aabbccddeeff', -1, '']] }],
    ['frame.ledger', { positions: [['00112233445566778899aabbccddeeff', 2 ** 53, '']] }],
    ['frame.ledger', { positions: [['00112233445566778899aabbccddeeff', 1]] }],
    ['frame.ack', { verdicts: 'sx' }], ['frame.ack', { refused: [{ index: 0, code: 'because' }] }],
    ['frame.goodbye', { code: 'bored' }], ['frame.rewind', { gen: 'x' }], ['frame.rewind.reset', { reset: false }],
    ['frame.batch', { seq: 0 }], ['frame.batch', { files: [] }], ['frame.batch', { lane: 'slow' }],
    ['frame.batch', { files: [{ ...file, from: 50, to: 10 }] }], ['frame.batch', { files: [{ ...file, events: 1 }] }],
    ['frame.batch.replace', { schema_version: 0 }], ['frame.batch.replace', { schema_version: '2' }],
    ['frame.probe.placed', { line: { gen: 'x', to: 1 } }], ['frame.probe.placed', { line: { gen: '00112233445566778899aabbccddeeff', to: -1 } }],
    ['frame.batch', { files: [{ ...file, from: 0.5 }] }], ['frame.batch', { edges: 'none' }],
    ['frame.status', { problems: Array.from({ length: 51 }, () => 'x') }],
  ])('are refused: %s with %j', (name, wrong) => {
    expect(decode({ ...sample<Json & { type: string }>(name), ...wrong })).toMatchObject({ ok: false });
  });
});

describe('a batch', () => {
  it.each(['frame.batch', 'frame.batch.replace', 'frame.batch.empty-range'])('of printed events is the JSON of the frame: %s', (name) => {
    const batch = sample<BatchFrame>(name);
    const printed = batch.events.map((event) => JSON.stringify(event));
    expect(encodeBatch(batch, printed)).toBe(JSON.stringify(batch));
    expect(encodeBatchBytes(batch, printed).toString('utf8')).toBe(JSON.stringify(batch));
  });

  it.each([[[]], [['{"text":"ü😀"}']], [['{"a":1}', '{"text":"日本"}', '{}']]])('has the same bytes however it is encoded: %j', (printed) => {
    const batch = sample<BatchFrame>('frame.batch');
    const rest = { ...batch, files: batch.files.map((each) => ({ ...each, path: '/ä/日本.jsonl' })) };
    expect(encodeBatchBytes(rest, printed).equals(Buffer.from(encodeBatch(rest, printed)))).toBe(true);
  });

  it('keeps an event that is no event for the store to refuse', () => {
    const batch = sample<BatchFrame>('frame.batch');
    const decoded = decodeBatch(JSON.stringify({ ...batch, events: [batch.events[0], 'junk'] }));
    expect(decoded).toMatchObject({ ok: true, frame: { events: [batch.events[0], 'junk'] } });
  });
});

describe('a state, edge or entry that breaks the limits', () => {
  it('is taken out, told of, and holds up nothing else: the agent would send the same batch again for ever', () => {
    const batch = sample<BatchFrame>('frame.batch.replace');
    const long = 'x'.repeat(300);
    const decoded = decodeBatch(JSON.stringify({
      ...batch,
      states: [{ ...batch.states[0], session_id: long }, ...batch.states, 5],
      edges: [...batch.edges, { ...batch.edges[0], child: long }, { child: 'a', parent: 'b', via: 'guess' }],
      entries: [long, ...(batch.entries ?? [])],
    }));
    expect(decoded).toMatchObject({ ok: true, unfit: [
      { part: 'state', code: 'too_large', value: { session_id: long } }, { part: 'state', code: 'malformed', value: 5 },
      { part: 'edge', code: 'too_large' }, { part: 'edge', code: 'malformed' }, { part: 'entry', code: 'too_large', value: long },
    ] });
    expect(decoded.ok && decoded.frame).toEqual(batch);
  });
});

describe('a compressed frame', () => {
  it('says so in its first byte and comes back the same', () => {
    const text = JSON.stringify(sample('frame.batch'));
    const compressed = compressFrame(text);
    expect(compressed[0]).toBe(BINARY_KINDS.brotli);
    expect(decompressFrame(compressed, WIRE_LIMITS.frameBytes).toString('utf8')).toBe(text);
  });

  it('may not unfold beyond the limit', () => {
    expect(() => decompressFrame(compressFrame('x'.repeat(100_000)), 1000)).toThrow(/larger than/);
  });
});

describe('the digest of positions', () => {
  it.each(sample<{ positions: [string, number][]; digest: string }[]>('positions-digest'))('is frozen for $positions', ({ positions, digest }) => {
    expect(positionsDigest(positions)).toBe(digest);
    expect(positionsDigest(positions.toReversed())).toBe(digest);
  });

  it('of bytes is 64 bits of SHA-256 in hex', () => {
    const file = sample<BatchFrame>('frame.batch').files[0];
    expect(hashBytes(Buffer.of())).toBe(file?.prev);
    expect(hashBytes(Buffer.from('{"first":"line of a log"}\n'))).toBe(file?.tail);
  });
});

describe('a goodbye', () => {
  it('has a close code of its own for every reason', () => {
    const codes = GOODBYE_CODES.map((code) => CLOSE_CODES[code]);
    expect(new Set(codes).size).toBe(GOODBYE_CODES.length);
    // 4000-4999 are an application's own; the two others are WebSocket's for the same thing.
    expect(codes.filter((code) => code < 4000 || code > 4999).toSorted((a, b) => a - b)).toEqual([1001, 1009]);
  });

  it('needs a person only when someone sent the machine away', () => {
    expect([...FATAL_GOODBYES].toSorted()).toEqual(['retired', 'revoked']);
  });
});
