/**
 * The keys of the page. Rows are what carries `data-row`, in the order of the
 * document; what carries `data-key` is done by its key: inside a row only while that has the focus.
 */

export const FILTER_ID = 'filter';

/** Shown by `?`, and what is listened for below. */
export const KEYS: readonly (readonly [string, string])[] = [
  ['j k', 'next, previous row'], ['Enter', 'open the row, or unfold it'], ['Esc', 'back'], ['/', 'filter, or the words to look for'], ['q', 'search what was said'], ['w', 'of a session: all that was said, or its turns'], ['c', 'copy the command of the row, or of who waits longest'],
  ['g n', 'who needs you'], ['g m', 'machines'], ['g s', 'sessions at work'], ['g d', 'the day'], ['g t', 'time and cost'], ['g f', 'what comes in'],
  ['g e', 'recent events'], ['g o', 'the database'], ['[ ]', 'the day before, after'], ['+ - 0', 'the day closer, farther, whole'], ['f', 'idle time of the day folded, or not'],
  ['v', 'the day as rows'], ['.', 'hold the recent events'],
  ['g r', 'reports'], ['g a', 'add a machine'], ['?', 'these keys'],
];

const SECTIONS: Readonly<Record<string, string>> = { n: 'needs-you', m: 'machines', s: 'sessions', d: 'today', t: 'time', f: 'flow', e: 'events', o: 'store' };
const PAGES: Readonly<Record<string, string>> = { r: '/reports', a: '/add' };
const MOVING: ReadonlySet<string> = new Set(['j', 'k']);
/** The second key of two comes within this. */
const SECOND_KEY_MS = 1500;

export interface KeyActions {
  toggleHelp(): void;
  /** To the page of an address. */
  go(address: string): void;
  /** True: there was something to leave. */
  back(): boolean;
}

/** Listens until the returned function is called. */
export function followKeys(actions: KeyActions): () => void {
  let goUntil = 0;
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // An open dialog has its keys to itself: Esc closes it.
    if (document.querySelector('dialog[open]') && event.key !== '?') return;
    // Held down it would be done thirty times a second.
    if (event.repeat && !MOVING.has(event.key)) return;
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (isTyping && event.key !== 'Escape') return;
    const isSecond = Date.now() < goUntil;
    goUntil = 0;
    if (isSecond && event.key in SECTIONS) goTo(SECTIONS[event.key] ?? '', actions);
    else if (isSecond && event.key in PAGES) actions.go(PAGES[event.key] ?? '/');
    else if (event.key === 'g') goUntil = Date.now() + SECOND_KEY_MS;
    else if (!act(event.key, actions)) return;
    event.preventDefault();
  };
  document.addEventListener('keydown', press);
  return () => document.removeEventListener('keydown', press);
}

function act(key: string, actions: KeyActions): boolean {
  switch (key) {
    case '?':
      actions.toggleHelp();
      return true;
    case 'j':
    case 'k':
      moveBy(key === 'j' ? 1 : -1);
      return true;
    case 'Enter':
      return openRow();
    case 'c':
      (focusedRow() ?? document).querySelector<HTMLButtonElement>('[data-copy]')?.click();
      return true;
    case 'q':
      return search(actions);
    case '/':
      return focusField() || search(actions);
    case 'Escape':
      escape(actions);
      return true;
    default:
      return pressNamed(key);
  }
}

/** Where there is nothing to filter, one looks everywhere. */
function search({ go }: KeyActions): boolean {
  go('/search');
  focusField();
  return true;
}

function focusField(): boolean {
  const field = document.getElementById(FILTER_ID);
  if (field instanceof HTMLInputElement) field.select();
  field?.focus();
  return field !== null;
}

function pressNamed(key: string): boolean {
  const named = `[data-key="${CSS.escape(key)}"]`;
  // Of another row it is never meant: whoever presses it does not see which.
  const pressed = focusedRow()?.querySelector<HTMLElement>(named) ?? [...document.querySelectorAll<HTMLElement>(named)].find((element) => !element.closest('[data-row]'));
  pressed?.click();
  return pressed !== undefined;
}

/** Out of a field first, which for the filter clears it. */
function escape({ back }: KeyActions): void {
  const focused = document.activeElement;
  const isField = focused instanceof HTMLInputElement || focused instanceof HTMLSelectElement;
  const isFilter = isField && focused.id === FILTER_ID && location.pathname === '/';
  if (isField && !isFilter) focused.blur();
  else if ((!back() || isField) && focused instanceof HTMLElement) focused.blur();
}

function focusedRow(): Element | null {
  return document.activeElement?.closest('[data-row]') ?? null;
}

function moveBy(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row === focusedRow());
  const next = at === -1 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next]?.focus();
}

/** A link or a button that has the focus itself does what it does anyway. */
function openRow(): boolean {
  const row = document.activeElement;
  if (!row?.hasAttribute('data-row')) return false;
  row.querySelector<HTMLElement>('a[href], summary, button.more')?.click();
  return true;
}

function goTo(section: string, { go }: KeyActions): void {
  go('/');
  // The first page may have to be drawn before.
  requestAnimationFrame(() => {
    const heading = document.getElementById(`${section}-title`);
    heading?.scrollIntoView({ block: 'nearest' });
    const row = document.querySelector<HTMLElement>(`#${section} [data-row]`);
    (row ?? heading)?.focus();
  });
}
