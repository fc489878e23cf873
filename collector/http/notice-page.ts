/** A page of one sentence and its next step, for who is not signed in. Needs no script and no style sheet. */
export interface Notice {
  title: string;
  text: string;
  /** Goes there at once. */
  goTo?: '/';
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '');
/** `command` in a text. */
const toCode = (html: string): string => html.replace(/`([^`]+)`/g, '<code>$1</code>');

export function noticePage({ title, text, goTo }: Notice): string {
  // Signed in by now: the icon can be had, and the browser asks for no other.
  const refresh = goTo === undefined ? '' : `<link rel="icon" href="/icon.svg"><meta http-equiv="refresh" content="0; url=${goTo}">`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">${refresh}<title>tt</title></head>
<body><main><h1>${escapeHtml(title)}</h1><p>${toCode(escapeHtml(text))}</p></main></body></html>
`;
}
