/** One plain `fs.watch` for each directory: 13 KB each, and set before `add` returns. */
import { watch, type FSWatcher } from 'node:fs';
import type { DirectoryWatcher, WatchEvents } from './watcher.ts';

export function createDirectoryWatch(events: WatchEvents): DirectoryWatcher {
  const watches = new Map<string, FSWatcher>();

  function remove(directory: string): void {
    watches.get(directory)?.close();
    watches.delete(directory);
  }

  function add(directory: string): void {
    remove(directory);
    try {
      const watcher = watch(directory, { persistent: false });
      watcher.on('change', (kind: string, name: string | Buffer | null) => {
        events.changed(directory, name === null ? null : name.toString(), kind === 'rename');
      });
      watcher.on('error', (error) => {
        if (watches.get(directory) === watcher) remove(directory);
        events.failed(directory, error);
      });
      watches.set(directory, watcher);
    } catch (error) {
      events.failed(directory, error);
    }
  }

  return {
    add,
    remove,
    close: () => {
      for (const directory of [...watches.keys()]) remove(directory);
      return Promise.resolve();
    },
  };
}
