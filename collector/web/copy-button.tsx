import { useEffect, useState } from 'hono/jsx/dom';

const SHOWN_MS = 2000;

/** `what`: for who can not see what is beside it. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<'ready' | 'copied' | 'failed'>('ready');
  useEffect(() => {
    if (state === 'ready') return undefined;
    const timer = setTimeout(() => setState('ready'), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(() => setState('copied'), () => setState('failed'));
  };
  const words = state === 'copied' ? 'Copied' : state === 'failed' ? 'Not allowed' : 'Copy';
  return <button type="button" data-copy title={text} aria-label={`${words} ${what}`} onClick={copy}>{words}</button>;
}
