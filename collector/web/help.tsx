import { useDialog } from './dialog.ts';
import { KEYS } from './keys.ts';

export function Help({ isOpen, onClose }: { isOpen: boolean; onClose(): void }) {
  const dialog = useDialog(isOpen, onClose);
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
