/** Streams made, renamed, merged, deleted and tagged: each runs in a transaction of its caller. */
import * as z from 'zod';
import type { Database } from '../store/database.ts';
import { openStreams, readStreams, type Stream } from '../store/streams.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { nameTaken, resolveStream, shortIdsOf, toStreamName, toTag } from './names.ts';

/** A `stream` is a name, an ID or a short ID. */
export const streamCommandSchema = z.discriminatedUnion('change', [
  z.object({ change: z.literal('create'), name: z.string(), tags: z.array(z.string()) }),
  z.object({ change: z.literal('rename'), stream: z.string(), name: z.string() }),
  z.object({ change: z.literal('merge'), from: z.string(), into: z.string() }),
  z.object({ change: z.literal('delete'), stream: z.string() }),
  z.object({ change: z.literal('tag'), stream: z.string(), tags: z.array(z.string()) }),
  z.object({ change: z.literal('untag'), stream: z.string(), tags: z.array(z.string()) }),
]);
export type StreamCommand = z.infer<typeof streamCommandSchema>;

export interface ChangedStream extends Stream {
  /** Resolves as long as no other stream begins so. */
  idShort: string;
}

/** The stream it was about, as it is then; of a merge both, of a deletion as it was. */
export function changeStreams(database: Database, command: StreamCommand, at: string): ChangedStream[] {
  const changed = change(database, command, at);
  const short = shortIdsOf([...readStreams(database), ...changed]);
  return changed.map((stream) => ({ ...stream, idShort: short.get(stream.id) ?? stream.id }));
}

function change(database: Database, command: StreamCommand, at: string): Stream[] {
  const streams = openStreams(database);
  const known = readStreams(database);
  const now = (id: string): Stream[] => readStreams(database).filter((stream) => stream.id === id);
  switch (command.change) {
    case 'create': {
      const name = toStreamName(command.name);
      refuseTaken(known, name);
      const tags = command.tags.map(toTag);
      const id = streams.create(name, at);
      for (const tag of tags) streams.tag(id, tag, at);
      return now(id);
    }
    case 'rename': {
      const stream = resolveStream(known, command.stream);
      const name = toStreamName(command.name);
      refuseTaken(known.filter(({ id }) => id !== stream.id), name);
      streams.rename(stream.id, name, at);
      return now(stream.id);
    }
    case 'merge': {
      const [from, into] = [resolveStream(known, command.from), resolveStream(known, command.into)];
      if (from.id === into.id) {
        throw new TtError('stream_same', `${JSON.stringify(command.from)} and ${JSON.stringify(command.into)} are the same stream`, {
          hint: 'name two different ones', exitCode: EXIT_CODES.usage,
        });
      }
      streams.merge(from.id, into.id, at);
      return [from, ...now(into.id)];
    }
    case 'delete': {
      const stream = resolveStream(known, command.stream);
      streams.remove(stream.id);
      return [stream];
    }
    case 'tag': {
      const stream = resolveStream(known, command.stream);
      for (const tag of command.tags.map(toTag)) streams.tag(stream.id, tag, at);
      return now(stream.id);
    }
    case 'untag': {
      const stream = resolveStream(known, command.stream);
      for (const tag of command.tags) untag(streams, stream, tag.trim(), at);
      return now(stream.id);
    }
  }
}

function refuseTaken(known: readonly Stream[], name: string): void {
  if (known.some((stream) => stream.name === name)) throw nameTaken(name);
}

function untag(streams: ReturnType<typeof openStreams>, stream: Stream, tag: string, at: string): void {
  if (streams.untag(stream.id, tag, at)) return;
  throw new TtError('tag_unknown', `${stream.name ?? stream.id} has no tag ${JSON.stringify(tag)}`, {
    hint: stream.tags.length === 0 ? 'it has none' : `it has ${stream.tags.join(', ')}`, exitCode: EXIT_CODES.usage,
  });
}
