import type { Child } from 'hono/jsx/dom';
import { useDialog } from './dialog.ts';

interface QuestionProps {
  isOpen: boolean;
  title: string;
  /** Of the button that does it. */
  verb: string;
  /** Without it the first field has the focus, and Enter does it. */
  isGrave?: boolean;
  onYes(answers: FormData): void;
  onClose(): void;
  children: Child;
}

/** Asks first, in a dialog. */
export function Question({ isOpen, title, verb, isGrave, onYes, onClose, children }: QuestionProps) {
  const dialog = useDialog(isOpen, onClose);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    onYes(new FormData(event.target));
    onClose();
  };
  // Its fields begin anew each time it opens.
  return (
    <dialog ref={dialog} aria-label={title}>
      {isOpen && (
        <form onSubmit={submit}>
          <h2>{title}</h2>
          {children}
          <p class="answers">
            <button type="button" onClick={onClose} autofocus={isGrave === true}>Cancel</button>{' '}
            <button type="submit" class={isGrave ? 'grave' : ''}>{verb}</button>
          </p>
        </form>
      )}
    </dialog>
  );
}
