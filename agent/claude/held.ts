/**
 * Events and states that came before the file told its working directory. They
 * wait for it, because it decides to which project they belong and what may
 * leave of their texts. Bounded: past the limit they go out without it.
 */
import { HELD_BYTES, HELD_LINES } from '../../shared/limits.ts';
import type { JsonValue, SessionState, TtEvent } from '../../shared/event.ts';
import { isObject } from '../../shared/json-line.ts';

export type Held = { event: TtEvent } | { state: SessionState };

export class HeldItems {
  #items: { held: Held; bytes: number }[] = [];
  #bytes = 0;

  /** False: no room, the item was not taken. */
  hold(held: Held): boolean {
    const bytes = Buffer.byteLength(JSON.stringify(held));
    if (this.#items.length >= HELD_LINES || this.#bytes + bytes > HELD_BYTES) return false;
    this.#items.push({ held, bytes });
    this.#bytes += bytes;
    return true;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  release(): Held[] {
    const released = this.#items.map(({ held }) => held);
    this.#items = [];
    this.#bytes = 0;
    return released;
  }

  carry(): JsonValue {
    // Events and states are flat JSON by construction; this drops keys that are undefined.
    return JSON.parse(JSON.stringify(this.#items.map(({ held }) => held))) as JsonValue;
  }

  /** `carry` is what this code wrote under the same version of the carry-over. */
  static from(carry: JsonValue | undefined): HeldItems {
    const items = new HeldItems();
    if (!Array.isArray(carry)) return items;
    for (const row of carry) {
      if (isObject(row) && (isObject(row['event']) || isObject(row['state']))) items.hold(row as unknown as Held);
    }
    return items;
  }
}

/** The event with its `cwd`, which goes to its place in the alphabet. */
export function withCwd(event: TtEvent, cwd: string): TtEvent {
  const { id, timestamp, source, type, ...rest } = event;
  const keys = [...Object.keys(rest), 'cwd'].toSorted();
  const filled: TtEvent = { id, timestamp, source, type };
  for (const key of keys) {
    const value = key === 'cwd' ? cwd : rest[key];
    if (value !== undefined) filled[key] = value;
  }
  return filled;
}
