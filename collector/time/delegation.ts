/**
 * Delegated time of one session: from what starts a turn to the last sign of
 * work in it, subagents included; and its known waits for the person.
 *
 * - A turn starts with what a human or a script says. Where work begins without
 *   that (a notification, a schedule), or after a silence, its first sign starts it.
 * - Between two signs the session worked, unless they are more than 30 minutes
 *   apart: such a silence ends the turn.
 * - What was silent before somebody spoke is work only where a tool is known to
 *   have run through that moment.
 * - While the harness says that it waits for the person, nothing is work.
 *
 * Everything that decides about an instant lies within an hour of it, or within
 * the same turn or wait: that is what makes local derivation possible. Pure; the
 * figures for all known cases, with their reasons: `docs/time.md`.
 */
export const SILENCE_MS = 1_800_000;

export type WorkWord =
  /** A prompt, command or answer, of a human or a script. */
  | 'said' | 'interrupt'
  | 'message' | 'tool' | 'result' | 'turn_ended' | 'session_ended'
  /** Of the harness's live registry. */
  | 'waiting' | 'busy' | 'idle' | 'gone';

export interface WorkSign {
  word: WorkWord;
  /** Epoch ms. */
  at: number;
  /** tool, result: the tool's ID. */
  tool?: string | undefined;
  /** gone: when it was seen, epoch ms; its `at` is that of the status it ends. */
  seenAt?: number | undefined;
}

/** Half-open, epoch ms. */
export interface SessionInterval<Opener> {
  form: 'delegated' | 'waiting';
  fromMs: number;
  /** `OPEN_END_MS`: nothing ends it yet. */
  toMs: number;
  /** What opened the turn, or said that it waits. */
  opener: Opener;
}

/** After every event. */
export const OPEN_END_MS = 8_640_000_000_000_000;

export interface OpenTurn<Opener> {
  fromMs: number;
  lastMs: number;
  opener: Opener;
}

interface OpenWait<Opener> {
  fromMs: number;
  /** The process was seen gone then. */
  limitMs: number;
  opener: Opener;
}

export interface DelegationOptions<Sign, Opener> {
  /** Open before the first sign, which it reaches. */
  turn?: OpenTurn<Opener> | null;
  /** Whether a `message` is the conversation's own, not a subagent's. Asked for few. */
  isOwn?: (sign: Sign) => boolean;
  openerOf: (sign: Sign) => Opener;
  /** True: it ends at this `said`, because what comes then does not depend on what was. */
  isSettled?: (sign: Sign) => boolean;
}

export interface Delegation<Opener> {
  intervals: SessionInterval<Opener>[];
  /** Time of the sign it ended at; null: of all signs. */
  settledAt: number | null;
}

/** `signs` in order of time, of one session; those of the same millisecond as `WORD_RANKS` says. */
export function delegate<Sign extends WorkSign, Opener>(signs: readonly Sign[], options: DelegationOptions<Sign, Opener>): Delegation<Opener> {
  const run = new SessionRun<Sign, Opener>(options, runningTools(signs));
  for (const sign of signs) {
    if (sign.word === 'said' && options.isSettled?.(sign) === true) {
      run.cut(sign.at);
      return { intervals: run.intervals, settledAt: sign.at };
    }
    run.take(sign);
  }
  run.end();
  return { intervals: run.intervals, settledAt: null };
}

/** Of signs of the same millisecond: what starts goes before what follows from it, ends come last. */
export const WORD_RANKS: Readonly<Record<WorkWord, number>> = {
  said: 0, result: 1, message: 2, tool: 3, busy: 4, idle: 5, waiting: 6, gone: 7, turn_ended: 8, interrupt: 9, session_ended: 10,
};

/** Tools that ran through `at`, started and ended within a silence of it. */
function runningTools(signs: readonly WorkSign[]): (at: number) => boolean {
  const results = new Map<string, number>();
  for (const { word, tool, at } of signs) if (word === 'result' && tool !== undefined) results.set(tool, at);
  const spans: { from: number; to: number }[] = [];
  for (const { word, tool, at } of signs) {
    const to = word === 'tool' && tool !== undefined ? results.get(tool) : undefined;
    if (to !== undefined && to > at) spans.push({ from: at, to });
  }
  let passed = 0;
  return (at) => {
    for (; (spans[passed]?.from ?? Infinity) < at - SILENCE_MS; passed += 1);
    for (let index = passed; index < spans.length; index += 1) {
      const span = spans[index];
      if (span === undefined || span.from >= at) return false;
      if (span.to > at && span.to <= at + SILENCE_MS) return true;
    }
    return false;
  };
}

class SessionRun<Sign extends WorkSign, Opener> {
  readonly intervals: SessionInterval<Opener>[] = [];
  readonly #options: DelegationOptions<Sign, Opener>;
  readonly #isRunning: (at: number) => boolean;
  #turn: OpenTurn<Opener> | null;
  #wait: OpenWait<Opener> | null = null;

  constructor(options: DelegationOptions<Sign, Opener>, isRunning: (at: number) => boolean) {
    this.#options = options;
    this.#isRunning = isRunning;
    this.#turn = options.turn ?? null;
  }

  take(sign: Sign): void {
    if (this.#wait !== null && sign.at >= this.#wait.limitMs) this.#endWait(sign.at);
    switch (sign.word) {
      case 'said': return this.#say(sign);
      case 'message':
      case 'tool':
      case 'result': return this.#work(sign);
      case 'waiting': return this.#startWait(sign);
      case 'busy': return this.#wait === null ? undefined : this.#resume(sign);
      case 'idle': return this.#endWait(sign.at);
      case 'gone':
        if (this.#wait?.fromMs === sign.at) this.#wait.limitMs = Math.max(sign.at, sign.seenAt ?? sign.at);
        return;
      case 'turn_ended':
      case 'interrupt':
        if (this.#wait !== null) this.#endWait(sign.at);
        else this.#reach(sign.at);
        return this.#close();
      case 'session_ended':
        this.#endWait(sign.at);
        return this.#close();
    }
  }

  /** Somebody speaks at `at`: what was silent before is work where a tool ran. */
  cut(at: number): void {
    this.#endWait(at);
    if (this.#turn !== null && this.#isRunning(at)) this.#reach(at);
    this.#close();
  }

  end(): void {
    this.#close();
    if (this.#wait !== null) this.#emit('waiting', this.#wait.fromMs, Math.min(OPEN_END_MS, this.#wait.limitMs), this.#wait.opener);
  }

  #say(sign: Sign): void {
    this.cut(sign.at);
    this.#open(sign);
  }

  #work(sign: Sign): void {
    const wait = this.#wait;
    if (wait !== null) {
      // Others of its agents may go on; only the conversation itself shows that it was answered.
      if (sign.word === 'message' && sign.at > wait.fromMs && (this.#options.isOwn?.(sign) ?? true)) this.#resume(sign);
      return;
    }
    if (this.#turn !== null) this.#reach(sign.at);
    if (this.#turn === null) this.#open(sign);
  }

  #startWait(sign: Sign): void {
    // Waiting for something else now, it is still in the same turn.
    if (this.#wait !== null) this.#emit('waiting', this.#wait.fromMs, sign.at, this.#wait.opener);
    else this.#reach(sign.at);
    this.#wait = { fromMs: sign.at, limitMs: Infinity, opener: this.#options.openerOf(sign) };
  }

  /** It was answered, and goes on: in the same turn, if that was not too long ago. */
  #resume(sign: Sign): void {
    const turn = this.#turn;
    this.#endWait(sign.at);
    if (turn !== null && sign.at - turn.lastMs <= SILENCE_MS) this.#turn = { fromMs: sign.at, lastMs: sign.at, opener: turn.opener };
    else this.#open(sign);
  }

  #endWait(at: number): void {
    if (this.#wait === null) return;
    this.#emit('waiting', this.#wait.fromMs, Math.min(at, this.#wait.limitMs), this.#wait.opener);
    this.#wait = null;
    this.#close();
  }

  #open(sign: Sign): void {
    this.#turn = { fromMs: sign.at, lastMs: sign.at, opener: this.#options.openerOf(sign) };
  }

  /** The turn lasts to `at`, or is over when that is too far. */
  #reach(at: number): void {
    if (this.#turn === null) return;
    if (at - this.#turn.lastMs > SILENCE_MS) this.#close();
    else this.#turn.lastMs = at;
  }

  #close(): void {
    if (this.#turn !== null) this.#emit('delegated', this.#turn.fromMs, this.#turn.lastMs, this.#turn.opener);
    this.#turn = null;
  }

  #emit(form: SessionInterval<Opener>['form'], fromMs: number, toMs: number, opener: Opener): void {
    if (toMs > fromMs) this.intervals.push({ form, fromMs, toMs, opener });
  }
}
