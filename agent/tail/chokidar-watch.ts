/**
 * chokidar, directories only. Its `change` event is throttled and loses the last
 * line of a burst, so only `raw` is heard, which is not; `raw` is not part of
 * its documented interface, which is why the version is pinned and a test checks
 * what we rely on. It watches some time after `add` returns: whoever adds a
 * directory looks into it again.
 */
import { watch } from 'chokidar';
import { join, relative, isAbsolute } from 'node:path';
import type { DirectoryWatcher, WatchEvents } from './watcher.ts';

export function createChokidarWatch(events: WatchEvents): DirectoryWatcher {
  const directories = new Set<string>();
  const watcher = watch([], {
    // Files and directories that nobody added: what a directory holds is found by looking.
    ignored: (path) => !directories.has(path),
    atomic: false,
    followSymlinks: false,
    ignorePermissionErrors: true,
    ignoreInitial: true,
    persistent: false,
  });
  watcher.on('raw', (kind, name, details) => {
    const directory = watchedPathOf(details);
    if (directory === undefined || !directories.has(directory)) return;
    events.changed(directory, nameIn(directory, name), kind === 'rename');
  });
  watcher.on('addDir', (path) => events.changed(path, null, true));
  watcher.on('unlinkDir', (path) => events.changed(path, null, true));
  watcher.on('error', (error) => events.failed(pathOf(error), error));

  return {
    add: (directory) => {
      if (directories.has(directory)) watcher.unwatch(directory);
      directories.add(directory);
      watcher.add(directory);
    },
    remove: (directory) => {
      directories.delete(directory);
      watcher.unwatch(directory);
    },
    close: () => watcher.close(),
  };
}

/** Empty when the error does not say which directory it is about. */
function pathOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('path' in error)) return '';
  return typeof error.path === 'string' ? error.path : '';
}

function watchedPathOf(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  return typeof details.watchedPath === 'string' ? details.watchedPath : undefined;
}

/** On some systems the name is a whole path. */
function nameIn(directory: string, name: unknown): string | null {
  if (typeof name !== 'string' || name === '') return null;
  const within = relative(directory, isAbsolute(name) ? name : join(directory, name));
  return within === '' || within.startsWith('..') ? null : within;
}
