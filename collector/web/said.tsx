import { toPlainText } from '../../shared/plain-text.ts';
import type { Acting } from './actions.ts';

/** What became of what was asked for: read aloud, because nothing else on the screen may change. */
export function Said({ said, isBusy }: Pick<Acting, 'said' | 'isBusy'>) {
  const words = isBusy ? 'Working …' : said === undefined ? '' : toPlainText(said.words);
  return <p class={!isBusy && said?.isError ? 'said-last problem' : 'said-last'} aria-live="polite">{words}</p>;
}
