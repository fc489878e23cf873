/** Addresses of the page: `/`, and `/sessions/ID@machine`. The collector answers all of them with the page. */

const SESSION = /^\/sessions\/([^/]+)$/;

/** Name of the session that an address is of. */
export function sessionOf(address: string): string | undefined {
  const name = SESSION.exec(address)?.[1];
  if (name === undefined) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export function go(address: string): void {
  if (location.pathname === address) return;
  history.pushState(null, '', address);
  window.dispatchEvent(new PopStateEvent('popstate'));
}

/** Calls `onChange` with every address, until the returned function is called. Links of the page load nothing anew. */
export function followAddress(onChange: (address: string) => void): () => void {
  const changed = (): void => onChange(location.pathname);
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.origin !== location.origin || (link.pathname !== '/' && sessionOf(link.pathname) === undefined)) return;
    event.preventDefault();
    go(link.pathname);
    window.scrollTo(0, 0);
  };
  window.addEventListener('popstate', changed);
  document.addEventListener('click', click);
  return () => {
    window.removeEventListener('popstate', changed);
    document.removeEventListener('click', click);
  };
}
