/**
 * On CI every property draws the same examples each time, so that a change is judged by what it
 * changed. Everywhere else each run explores new ones; `PROPERTY_SEED` repeats one.
 */
import fc from 'fast-check';

const FIXED_SEED = 20_261_121;

const named = process.env['PROPERTY_SEED'];
if (named !== undefined) fc.configureGlobal({ seed: Number(named) });
else if (process.env['CI'] !== undefined) fc.configureGlobal({ seed: FIXED_SEED });
