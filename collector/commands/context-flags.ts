/** What a context export can hold. */
export const CONTEXT_SECTIONS = ['events', 'agents', 'streams', 'gaps'] as const;

/** The earlier name of `tt context` is `tt export` with a section; without one, `tt export` is the agent's. */
export function toCommandLine(argv: readonly string[]): readonly string[] {
  const isContext = argv[0] === 'export' && CONTEXT_SECTIONS.some((section) => argv.includes(`--${section}`));
  return isContext ? ['context', ...argv.slice(1)] : argv;
}
