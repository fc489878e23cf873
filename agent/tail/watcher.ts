/**
 * Hints that something below a directory changed. A watcher may miss, repeat or
 * invent them: what is true is found by looking.
 */
export interface WatchEvents {
  /**
   * Something about `name` in `directory` changed; null when the system does not
   * say what. `isRename`: a name came or went, not only content.
   */
  changed(directory: string, name: string | null, isRename: boolean): void;
  /** `directory` is watched badly or not at all (a limit, a vanished directory). */
  failed(directory: string, error: unknown): void;
}

/** Watches directories, each without those below it. Adding again renews the watch. */
export interface DirectoryWatcher {
  add(directory: string): void;
  remove(directory: string): void;
  close(): Promise<void>;
}
