// `npm test`: works on a fresh clone, and passes its arguments on to vitest.
// The build comes first because some tests run the executables, not the modules.
import { become, ensureBuilt } from './ensure-built.mjs';

ensureBuilt();
await become('node_modules/vitest/vitest.mjs', ['run', ...process.argv.slice(2)]);
