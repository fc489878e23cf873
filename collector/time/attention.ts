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

export interface AttentionOptions<Sign> {
  windowMs?: number;
  /** The newest tab before the first sign; everything else starts afresh with the first pane or message. */
  tab?: Sign | null;
}

/**
 * Signs in order of time, page by page, and what each page closes. Later signs may
 * close what began before, so the last interval is right only where the signs go on
 * to the next that is no scroll, no tab and no repeat, or end.
 */
export function* directIntervals<Sign extends AttentionSign>(
  pages: Iterable<readonly Sign[]>, { windowMs = ATTENTION_WINDOW_MS, tab = null }: AttentionOptions<Sign> = {},
): Generator<DirectInterval<Sign>[]> {
  const run = new AttentionRun<Sign>(windowMs, tab);
  for (const page of pages) {
    for (const sign of page) run.take(sign);
    yield run.takeClosed();
  }
  run.end();
  yield run.takeClosed();
}

function isRepeat(sign: AttentionSign, last: AttentionSign | null): boolean {
  if (last === null || sign.sign !== last.sign || (sign.sign !== 'pane' && sign.sign !== 'scroll')) return false;
  return sign.machine === last.machine && sign.detail === last.detail && sign.at - last.at < REPEAT_MS;
}

class AttentionRun<Sign extends AttentionSign> {
  #closed: DirectInterval<Sign>[] = [];
  readonly #windowMs: number;
  /** Since when somebody looks; null: nobody does. */
  #since: number | null = null;
  /** Of the focus since then, each extending it if it counts. */
  #scrolls: Sign[] = [];
  #pane: Sign | null = null;
  #window: Sign | null = null;
  #tab: Sign | null;
  #last: Sign | null = null;

  constructor(windowMs: number, tab: Sign | null) {
    this.#windowMs = windowMs;
    this.#tab = tab;
  }

  take(sign: Sign): void {
    if (isRepeat(sign, this.#last)) return;
    this.#last = sign;
    switch (sign.sign) {
      case 'pane':
      case 'message':
        this.#close(sign.at);
        this.#pane = sign;
        this.#window = null;
        this.#focus(sign.at);
        break;
      case 'scroll':
        if (this.#since !== null) this.#scrolls.push(sign);
        break;
      case 'idle':
        this.#leave(sign);
        break;
      case 'window':
        this.#close(sign.at);
        this.#window = sign;
        this.#focus(sign.at);
        break;
      case 'tab':
        this.#show(sign);
        break;
    }
  }

  end(): void {
    this.#close(Infinity);
  }

  takeClosed(): DirectInterval<Sign>[] {
    const closed = this.#closed;
    this.#closed = [];
    return closed;
  }

  #show(tab: Sign): void {
    const isShown = isBrowser(this.#window);
    if (isShown) this.#close(tab.at);
    this.#tab = tab;
    if (isShown) this.#focus(tab.at);
  }

  #focus(at: number): void {
    this.#since = this.#target() === null ? null : at;
  }

  /** A hand on the wheel is no absence: an idle time that reaches back beyond a scroll begins there. */
  #leave(sign: Sign): void {
    if (this.#since === null) return;
    const idleMs = Number(sign.detail ?? 0);
    const from = idleMs > 0 ? sign.at - idleMs : sign.at;
    this.#close(Math.max(from, this.#since, this.#scrolls.at(-1)?.at ?? from));
    this.#since = null;
  }

  #close(at: number): void {
    const since = this.#since;
    const target = this.#target();
    const scrolls = this.#scrolls;
    if (scrolls.length > 0) this.#scrolls = [];
    if (since === null || target === null) return;
    this.#add(since, at, target, null);
    for (const scroll of scrolls) this.#add(scroll.at, at, target, scroll);
  }

  #add(fromMs: number, at: number, target: Sign, given: Sign | null): void {
    const toMs = Math.min(at, fromMs + this.#windowMs);
    if (toMs > fromMs) this.#closed.push({ fromMs, toMs, target, given });
  }

  /** Who has the attention now; null: nothing that is known. */
  #target(): Sign | null {
    const window = this.#window;
    if (window === null || TERMINAL.test(window.detail ?? '')) return this.#pane;
    return isBrowser(window) ? this.#tab ?? window : window;
  }
}

function isBrowser(window: AttentionSign | null): boolean {
  return window !== null && !TERMINAL.test(window.detail ?? '') && BROWSER.test(window.detail ?? '');
}
