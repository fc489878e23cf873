import { useLayoutEffect, useRef } from 'hono/jsx/dom';

/** A dialog of the browser: it keeps the focus inside, Esc closes it, and what had the focus gets it back. */
export function useDialog(isOpen: boolean, onClose: () => void): { current: HTMLDialogElement | null } {
  const dialog = useRef<HTMLDialogElement>(null);
  // At once: the next key is already meant for it.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return undefined;
    if (isOpen && !element.open) element.showModal();
    if (!isOpen && element.open) element.close();
    element.addEventListener('close', onClose);
    return () => {
      element.removeEventListener('close', onClose);
      // One that is taken away while it is open gives the focus back to nobody.
      if (element.open) element.close();
    };
  }, [isOpen]);
  return dialog;
}
