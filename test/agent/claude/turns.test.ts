// When a turn ended, of versions that do not say so for each: docs/decisions/006.
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../shared/event.ts';
import { Collected, extract, feed, fileOf, linesOf, openForTest } from '../../support/extraction.ts';
import { Transcript } from '../../support/transcript.ts';

const OLD = { version: '2.1.39' };

function ends(lines: readonly object[]): unknown[] {
  return extract(lines).ofType('agent_turn').map((event) => event['timestamp']);
}

function summary(log: Transcript, fields: object = {}): Record<string, unknown> {
  return log.entry('system', { subtype: 'stop_hook_summary', preventedContinuation: false, ...fields });
}

function feedback(log: Transcript): object {
  return log.user('Stop hook feedback:\nthe tests fail', { isMeta: true });
}

describe('the end of a turn', () => {
  it('is told once, by the summary of the hooks or the duration, whichever comes first', () => {
    const log = new Transcript(OLD);
    const [first, second] = [summary(log), log.entry('system', { subtype: 'turn_duration', durationMs: 5 })];
    expect(ends([log.user('go'), first, second])).toEqual([first['timestamp']]);
    expect(ends([log.user('go'), second, first])).toEqual([second['timestamp']]);
  });

  it('is not where a hook sent the agent back to work, wherever the reading was interrupted, but after that', () => {
    const log = new Transcript(OLD);
    const lines = [log.user('go'), log.text('done'), feedback(log), summary(log), log.text('done now')];
    const last = summary(log);
    const bytes = fileOf([...lines, last]);
    for (const { start } of linesOf(bytes)) {
      const collected = new Collected();
      const before = openForTest();
      feed(before, bytes.subarray(0, start), collected);
      feed(openForTest({}, JSON.parse(JSON.stringify(before.carry())) as JsonValue), bytes, collected, start);
      expect(collected.ofType('agent_turn').map((event) => event['timestamp'])).toEqual([last['timestamp']]);
    }
  });

  it('is where a hook stopped everything, also against another that had work to do', () => {
    const log = new Transcript(OLD);
    const stopped = summary(log, { preventedContinuation: true, stopReason: 'enough' });
    expect(ends([log.user('go'), log.text('done'), stopped])).toEqual([stopped['timestamp']]);
    expect(ends([log.user('go'), log.text('done'), feedback(log), stopped])).toEqual([stopped['timestamp']]);
  });

  it('is told by the duration alone where the version writes one for every turn', () => {
    const log = new Transcript({ version: '2.1.97' });
    expect(ends([log.typed('go'), log.text('done'), summary(log), summary(log, { preventedContinuation: true })])).toEqual([]);
  });
});
