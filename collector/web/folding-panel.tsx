import { useState, type Child } from 'hono/jsx/dom';
import { Panel } from './panel.tsx';

const PHONE = '(max-width: 40rem)';

/** On a phone it is folded until it is asked for: who waits comes first there. */
export function FoldingPanel({ id, title, note, children }: { id: string; title: string; note?: string; children(): Child }) {
  const [isOpen, setOpen] = useState(() => !matchMedia(PHONE).matches);
  return (
    <Panel id={id} title={title} {...(note === undefined ? {} : { note })}>
      <button type="button" class="fold" aria-expanded={isOpen ? 'true' : 'false'} onClick={() => setOpen((was) => !was)}>{isOpen ? 'Fold' : 'Show'}<span class="unseen"> {title}</span></button>
      {isOpen ? children() : null}
    </Panel>
  );
}
