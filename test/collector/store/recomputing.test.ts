import { describe, expect, it } from 'vitest';
import type { RecomputePlace } from '../../../collector/writer/messages.ts';
import { generateEvents, type GeneratedEvent } from '../../support/generate.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

const TABLES = {
  session_row: 'SELECT * FROM session_row ORDER BY session, agent_id',
  usage_row: `SELECT hash, response, message_id, request_id, event, machine, session, agent_id, at, model, input_tokens, output_tokens,
    cache_creation_tokens, cache_creation_1h, cache_read_tokens, speed, placeholder FROM usage_row ORDER BY response`,
  attention_row: 'SELECT * FROM attention_row ORDER BY at, event',
  interval: 'SELECT * FROM interval ORDER BY from_at, session, form',
  session_dirty: 'SELECT * FROM session_dirty ORDER BY session',
};

function derived(fixture: StoreFixture): Record<string, unknown[]> {
  return Object.fromEntries(Object.entries(TABLES).map(([name, sql]) => [name, fixture.rows(sql)]));
}

function arrive(fixture: StoreFixture, events: readonly GeneratedEvent[]): void {
  if (events.length > 0) fixture.commit(...events.map(({ machineId, gen, bornAt, event }) => jobOf(refOf(machineId), { gen, bornAt, events: [event] })));
}

/** A few conversations, subagents and focus of two machines, and a session that the earlier tool told of alone. */
function openHistory(): StoreFixture {
  const fixture = openStoreFixture();
  arrive(fixture, [...generateEvents({ machines: 2, sessions: 6, events: 700, days: 4, seed: 5, endMs: START_MS })]);
  const machineId = testMachine(1);
  const legacy = testEvent({ machineId, type: 'user_message', discriminator: 'one', at: START_MS }, { session_id: 'old', cwd: '/old' });
  fixture.commit(jobOf(refOf(machineId), { gen: genOf(9999), events: [{ ...legacy, schema_version: 1 }] }));
  while (fixture.store.deriveTime());
  return fixture;
}

/** Steps of one page each. */
function* steps({ store }: StoreFixture): Generator<number> {
  for (let place: RecomputePlace | null = null; ;) {
    const { place: reached, share } = store.recomputing.step(place, 0);
    yield share;
    if (reached === null) return;
    place = reached;
  }
}

const DAMAGE = `
  UPDATE session_row SET prompts = 77 WHERE session % 2 = 0;
  DELETE FROM session_row WHERE session % 3 = 0;
  UPDATE session_row SET agent_id = 'nobody' WHERE session % 5 = 1;
  UPDATE usage_row SET output_tokens = output_tokens + 1000 WHERE row % 3 = 0;
  UPDATE usage_row SET event = event + 1 WHERE row % 7 = 1;
  DELETE FROM usage_row WHERE row % 5 = 0;
  DELETE FROM attention_row WHERE event % 3 = 0;
  UPDATE attention_row SET sign = 'tab', detail = 'x' WHERE event % 4 = 0;
  INSERT INTO attention_row SELECT at + 1, event, sign, machine, session, kind, cwd, fact, detail FROM attention_row WHERE event % 4 = 1;
  INSERT INTO attention_row SELECT at, event + 1000000, sign, machine, session, kind, cwd, fact, detail FROM attention_row LIMIT 3;
  DELETE FROM interval WHERE session % 2 = 0;
  UPDATE interval SET to_at = to_at + 1000 WHERE session % 3 = 1;
  INSERT INTO interval SELECT from_at - 99999999, session, form, to_at, event, event_at, machine, kind, cwd, fact FROM interval LIMIT 2`;

describe('what is derived again in steps', () => {
  it('is what a rebuild makes of it, whatever was wrong before', () => {
    using fixture = openHistory();
    const right = derived(fixture);
    expect(right['attention_row']!.length).toBeGreaterThan(50);
    expect(right['interval']!.length).toBeGreaterThan(5);
    fixture.database.exec(DAMAGE);
    const damaged = derived(fixture);
    expect(Object.keys(TABLES).filter((name) => JSON.stringify(damaged[name]) === JSON.stringify(right[name]))).toEqual(['session_dirty']);
    expect([...steps(fixture)].at(-1)).toBe(1);
    expect(derived(fixture)).toEqual(right);
    fixture.store.rebuild();
    expect(derived(fixture)).toEqual(right);
  });

  it('is never missing between two steps, and each tells more of the whole than the one before', () => {
    using fixture = openHistory();
    const right = derived(fixture);
    const shares: number[] = [];
    for (const share of steps(fixture)) {
      shares.push(share);
      expect(derived(fixture)).toEqual(right);
    }
    expect(shares.length).toBeGreaterThan(8);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });

  it('takes in what comes between two steps', () => {
    using fixture = openHistory();
    fixture.database.exec(DAMAGE);
    const late = [...generateEvents({ machines: 1, sessions: 2, events: 120, days: 4, seed: 6, endMs: START_MS })];
    let sent = 0;
    for (const share of steps(fixture)) {
      expect(share).toBeLessThanOrEqual(1);
      arrive(fixture, late.slice(sent, sent + 10));
      sent += 10;
    }
    expect(sent).toBeGreaterThanOrEqual(late.length);
    while (fixture.store.deriveTime());
    const found = derived(fixture);
    fixture.store.rebuild();
    expect(found).toEqual(derived(fixture));
  });
});
