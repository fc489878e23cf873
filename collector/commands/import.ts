/** `tt import`: lines of an export, or the earlier tool's database, into the collector. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, messageOf, systemCode, TtError, type ExitCode } from '../../shared/errors.ts';
import { IMPORTED_EVENT_BYTES, LINE_BYTES } from '../../shared/limits.ts';
import type { Control } from '../control/control-methods.ts';
import { openLegacy } from '../store/legacy-db.ts';
import { controlOf } from './own-collector.ts';

const CHUNK_LINES = 5000;
const CHUNK_BYTES = 2 * 1024 * 1024;
/** No event may be so large; of such a line a dead letter keeps no more anyway. */
const SENT_LINE_BYTES = IMPORTED_EVENT_BYTES + 4096;
const NAMED_LINES = 20;
const NEWLINE = 0x0a;

export async function importEvents(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [file] = parsed.args;
  const legacy = textOption(parsed, 'legacy');
  if (legacy !== undefined && file !== undefined) throw usageError('FILE and --legacy exclude each other', 'import one after the other');
  const intake = createIntake(controlOf(io));
  if (file === undefined && legacy === undefined && 'isTTY' in io.stdin && io.stdin.isTTY === true) {
    throw usageError('what shall be imported?', 'give a file, or pipe one in: tt-agent export | tt import');
  }
  if (legacy !== undefined) await importLegacy(legacy, intake);
  else await importLines(file === undefined || file === '-' ? io.stdin : createReadStream(file), file, intake);
  const total = await intake.end();
  report(total, flag(parsed, 'json'), io);
  if (total.read > 0 && total.malformed === total.read) throw noExport(legacy ?? file, total.read);
  return EXIT_CODES.ok;
}

function noExport(file: string | undefined, lines: number): TtError {
  const name = file === undefined || file === '-' ? 'stdin' : file;
  return new TtError('nothing_imported', `${name} is no export: ${lines === 1 ? 'its line is no event' : `none of its ${lines} lines is an event`}`, {
    hint: 'import what tt-agent export or tt events --json wrote, one JSON object a line; a database of the earlier tool: tt import --legacy FILE',
  });
}

interface Imported {
  read: number;
  stored: number;
  duplicates: number;
  forgotten: number;
  malformed: number;
  /** 1-based; the first 20. */
  malformedLines: number[];
}

interface Intake {
  take(line: string): Promise<void>;
  end(): Promise<Imported>;
}

function createIntake(control: Control): Intake {
  const total: Imported = { read: 0, stored: 0, duplicates: 0, forgotten: 0, malformed: 0, malformedLines: [] };
  let lines: string[] = [];
  let bytes = 0;
  let sent = 0;
  const send = async (): Promise<void> => {
    const counts = await control.call('import', { lines });
    total.read += counts.read;
    total.stored += counts.stored;
    total.duplicates += counts.duplicates;
    total.forgotten += counts.forgotten;
    total.malformed += counts.malformed;
    for (const index of counts.malformedAt) if (total.malformedLines.length < NAMED_LINES) total.malformedLines.push(sent + index + 1);
    sent += lines.length;
    [lines, bytes] = [[], 0];
  };
  return {
    async take(line) {
      lines.push(line);
      bytes += line.length;
      if (lines.length >= CHUNK_LINES || bytes >= CHUNK_BYTES) await send();
    },
    async end() {
      if (lines.length > 0) await send();
      return total;
    },
  };
}

async function importLegacy(file: string, intake: Intake): Promise<void> {
  using legacy = openLegacy(file);
  for (const line of legacy.lines()) await intake.take(line);
}

async function importLines(input: Readable, file: string | undefined, intake: Intake): Promise<void> {
  let parts: Buffer[] = [];
  let length = 0;
  let dropped = 0;
  const keep = (part: Buffer): void => {
    // A line without end must not fill the memory.
    if (length + part.length > LINE_BYTES) dropped += part.length;
    else {
      parts.push(part);
      length += part.length;
    }
  };
  const finish = async (): Promise<void> => {
    const line = Buffer.concat(parts);
    const whole = line.length + dropped;
    [parts, length, dropped] = [[], 0, 0];
    await intake.take(toText(line, whole));
  };
  try {
    for await (const chunk of input as AsyncIterable<Buffer | string>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        keep(bytes.subarray(start, end));
        start = end + 1;
        await finish();
      }
      if (start < bytes.length) keep(Buffer.from(bytes.subarray(start)));
    }
  } catch (error) {
    if (error instanceof TtError) throw error;
    if (systemCode(error) === 'ENOENT') throw usageError(`there is no ${file ?? 'stdin'}`, 'check the path');
    throw new TtError('import_unreadable', `cannot read ${file ?? 'stdin'}: ${messageOf(error)}`, {
      hint: 'what was read before is imported; repeat it, nothing counts twice', cause: error,
    });
  }
  if (length + dropped > 0) await finish();
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes that are no text are said in base64: the importer finds no JSON in that and keeps it as a dead letter. */
function toText(line: Buffer, whole: number): string {
  if (whole > SENT_LINE_BYTES) return `line of ${whole} bytes, begins ${line.toString('latin1', 0, 64 * 1024)}`;
  try {
    return strictUtf8.decode(line);
  } catch {
    return `not UTF-8, in base64 ${line.toString('base64')}`;
  }
}

function report(total: Imported, isJson: boolean, io: CommandIo): void {
  const { read, stored, duplicates, forgotten, malformed, malformedLines } = total;
  io.stderr.write(`Imported ${stored} new events (${duplicates} duplicates, ${malformed} malformed lines)\n`);
  if (forgotten > 0) io.stderr.write(`${forgotten} left out, because they were forgotten (tt forget --list)\n`);
  if (malformed > 0) {
    const more = malformed > malformedLines.length ? ` and ${malformed - malformedLines.length} more` : '';
    io.stderr.write(`Not events, kept as dead letters: ${malformed === 1 ? 'line' : 'lines'} ${malformedLines.join(', ')}${more}\n`);
  }
  if (isJson) io.stdout.write(`${JSON.stringify({ schema: 1, read, stored, duplicates, forgotten, malformed, malformed_lines: malformedLines })}\n`);
}
