// The floor of a backfill: every file read, cut into lines, filtered, parsed and extracted as the
// agent does it, each event printed; nothing sent, nothing stored. One thread, its own process.
// `node bare-scan.mjs CONFIG_DIR full|redacted` prints {events, eventBytes, bytes}.
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createClaudeCodeSource } from '../../agent/claude/source.ts';
import type { ExtractionSink } from '../../agent/extraction.ts';
import { createTextPolicy } from '../../agent/privacy/texts.ts';
import { parseGeneration, parseMachineId } from '../../shared/ids.ts';

const [configDir = '', texts = 'redacted'] = process.argv.slice(2);
const machineId = present(parseMachineId('3b241101-e2bb-4255-8caf-4136c566a962'));
const gen = present(parseGeneration('0'.repeat(32)));

const source = createClaudeCodeSource({
  configDirs: [configDir], machineId, texts: createTextPolicy({ texts: texts === 'full' ? 'full' : 'redacted', projects: {} }),
});
const totals = { events: 0, eventBytes: 0, bytes: 0, bad: 0 };
const sink: ExtractionSink = {
  event: (event) => {
    totals.events += 1;
    totals.eventBytes += JSON.stringify(event).length;
  },
  state: () => undefined,
  edge: () => undefined,
  entry: () => undefined,
  unknown: () => undefined,
  bad: () => {
    totals.bad += 1;
  },
};

let buffer = Buffer.allocUnsafe(1024 * 1024);
for (const entry of readdirSync(join(configDir, 'projects'), { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && source.matches(path)) scan(path);
}
process.stdout.write(`${JSON.stringify(totals)}\n`);

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('malformed constant');
  return value;
}

function scan(path: string): void {
  const extractor = source.open({ gen, path }, undefined);
  if (extractor === undefined) return;
  const file = openSync(path, 'r');
  let offset = 0;
  let held = 0;
  for (;;) {
    const read = readSync(file, buffer, held, buffer.length - held, offset + held);
    const filled = held + read;
    let from = 0;
    for (let end = buffer.indexOf(10); end !== -1 && end < filled; end = buffer.indexOf(10, from)) {
      extractor.line(buffer.subarray(from, end), offset + from, offset + end, sink);
      from = end + 1;
    }
    totals.bytes += from;
    offset += from;
    held = filled - from;
    if (read === 0) break;
    if (from > 0) buffer.copy(buffer, 0, from, filled);
    else if (held === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
  }
  closeSync(file);
}
