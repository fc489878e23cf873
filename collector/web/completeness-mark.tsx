/** Beside every number: whether anything may be missing from it. Told apart without colour. */
export function CompletenessMark({ isComplete }: { isComplete: boolean }) {
  const words = isComplete ? 'complete' : 'incomplete';
  return <span class={isComplete ? 'mark' : 'mark incomplete'} title={words} role="img" aria-label={words}>{isComplete ? '●' : '◐'}</span>;
}
