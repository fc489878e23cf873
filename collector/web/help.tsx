import { useEffect, useRef } from 'hono/jsx/dom';
import { KEYS } from './keys.ts';

/** A dialog of the browser: it keeps the focus inside, and gives it back. */
export function Help({ isOpen, onClose }: { isOpen: boolean; onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element) return undefined;
    if (isOpen && !element.open) element.showModal();
    if (!isOpen && element.open) element.close();
    element.addEventListener('close', onClose);
    return () => element.removeEventListener('close', onClose);
  }, [isOpen]);
  return (
    <dialog ref={dialog} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, words]) => (
          <div key={key}><dt>{key.split(' ').map((each) => <kbd key={each}>{each}</kbd>)}</dt><dd>{words}</dd></div>
        ))}
      </dl>
      <button type="button" onClick={onClose}>Close</button>
    </dialog>
  );
}
