// `npm start`: works on a fresh clone. What starting means is in start.ts.
import { become, ensureBuilt } from './ensure-built.mjs';

ensureBuilt();
await become('dist/start.mjs', process.argv.slice(2));
