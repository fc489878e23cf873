/** From source the worker itself; deploy/build.ts makes it the URL of its bundle. */
export const ANSWERS_ENTRY = new URL('./worker.ts', import.meta.url);
