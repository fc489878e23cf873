// For `node --import`: runs .ts files also in worker threads, which tsx's own command does not.
// Threads inherit the flag, so `new Worker(new URL('./worker.ts', import.meta.url))` works from source.
import { register } from 'tsx/esm/api';

register();
