/**
 * Direct time: where a person's attention was, from what they focused, scrolled
 * and typed. One person, all machines: one sequence, and at any instant at most
 * one thing has their attention, for at most the attention window after a sign.
 *
 * Streams are no part of it. An interval names the sign whose assignment decides
 * whose time it is; a scroll counts only where it belongs to the same stream or
 * to none, so it is an interval of its own, `given` that. Where it counts, it
 * overlaps what it extends: the union is the attention. So nothing has to be
 * derived again when something is assigned.
 *
 * The rules are those of the earlier tool's newest version (`docs/time.md`).
 */
export const ATTENTION_WINDOW_MS = 300_000;
/** One switch fires several hooks of tmux: the same sign of the same pane again, right after. */
const REPEAT_MS = 500;

export interface AttentionSign {
  /** `message`: something a person typed. `idle`: they were away. */
  sign: 'pane' | 'message' | 'scroll' | 'idle' | 'window' | 'tab';
  /** Epoch ms. */
  at: number;
  machine: number;
  /** pane, scroll: which pane; window: the program, lower case; idle: for how many ms before; null: not told. */
  detail: string | null;
}

/** Half-open, epoch ms. */
export interface DirectInterval<Sign> {
  fromMs: number;
  toMs: number;
  target: Sign;
  /** Counts only if this scroll is of no stream, or of the target's. */
  given: Sign | null;
}

const TERMINAL = /terminal|iterm|alacritty|wezterm|kitty|konsole|ghostty/;
const BROWSER = /chrome|firefox|safari|edge|brave|arc/;

interface State<Sign> {
  /** Since when somebody looks; null: nobody does. */
  since: number | null;
  /** Of the focus since then, each extending it if it counts. */
  scrolls: Sign[];
  pane: Sign | null;
  window: Sign | null;
  tab: Sign | null;
  last: Sign | null;
}

export interface AttentionOptions<Sign> {
  windowMs?: number;
  /** The newest tab before the first sign; everything else starts afresh with the first pane or message. */
  tab?: Sign | null;
}

/**
 * `signs` in order of time; later ones may close what began before, so the last
 * interval is right only where the signs go on to the next that is no scroll, or end.
 */
export function* directIntervals<Sign extends AttentionSign>(
  signs: Iterable<Sign>, { windowMs = ATTENTION_WINDOW_MS, tab = null }: AttentionOptions<Sign> = {},
): Generator<DirectInterval<Sign>> {
  const state: State<Sign> = { since: null, scrolls: [], pane: null, window: null, tab, last: null };
  for (const sign of signs) {
    if (isRepeat(sign, state.last)) continue;
    state.last = sign;
    yield* take(state, sign, windowMs);
  }
  yield* close(state, Infinity, windowMs);
}

function isRepeat(sign: AttentionSign, last: AttentionSign | null): boolean {
  if (last === null || sign.sign !== last.sign || (sign.sign !== 'pane' && sign.sign !== 'scroll')) return false;
  return sign.machine === last.machine && sign.detail === last.detail && sign.at - last.at < REPEAT_MS;
}

function* take<Sign extends AttentionSign>(state: State<Sign>, sign: Sign, windowMs: number): Generator<DirectInterval<Sign>> {
  switch (sign.sign) {
    case 'pane':
    case 'message':
      yield* close(state, sign.at, windowMs);
      state.pane = sign;
      state.window = null;
      return focus(state, sign.at);
    case 'scroll':
      if (state.since !== null) state.scrolls.push(sign);
      return;
    case 'idle':
      yield* leave(state, sign, windowMs);
      return;
    case 'window':
      yield* close(state, sign.at, windowMs);
      state.window = sign;
      return focus(state, sign.at);
    case 'tab': {
      const isShown = isBrowser(state.window);
      if (isShown) yield* close(state, sign.at, windowMs);
      state.tab = sign;
      if (isShown) focus(state, sign.at);
    }
  }
}

function focus<Sign extends AttentionSign>(state: State<Sign>, at: number): void {
  state.since = targetOf(state) === null ? null : at;
}

/** A hand on the wheel is no absence: an idle time that reaches back beyond a scroll begins there. */
function* leave<Sign extends AttentionSign>(state: State<Sign>, sign: Sign, windowMs: number): Generator<DirectInterval<Sign>> {
  if (state.since === null) return;
  const idleMs = Number(sign.detail ?? 0);
  const from = idleMs > 0 ? sign.at - idleMs : sign.at;
  yield* close(state, Math.max(from, state.since, state.scrolls.at(-1)?.at ?? from), windowMs);
  state.since = null;
}

function* close<Sign extends AttentionSign>(state: State<Sign>, at: number, windowMs: number): Generator<DirectInterval<Sign>> {
  const { since, scrolls } = state;
  const target = targetOf(state);
  state.scrolls = [];
  if (since === null || target === null) return;
  const until = (fromMs: number): number => Math.min(at, fromMs + windowMs);
  if (until(since) > since) yield { fromMs: since, toMs: until(since), target, given: null };
  for (const scroll of scrolls) {
    if (until(scroll.at) > scroll.at) yield { fromMs: scroll.at, toMs: until(scroll.at), target, given: scroll };
  }
}

/** Who has the attention now; null: nothing that is known. */
function targetOf<Sign extends AttentionSign>({ pane, window, tab }: State<Sign>): Sign | null {
  if (window === null || TERMINAL.test(window.detail ?? '')) return pane;
  return isBrowser(window) ? tab ?? window : window;
}

function isBrowser(window: AttentionSign | null): boolean {
  return window !== null && !TERMINAL.test(window.detail ?? '') && BROWSER.test(window.detail ?? '');
}
