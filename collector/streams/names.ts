/** How a stream is called: by its name, its ID, or the short ID that lists print. */
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { Stream } from '../store/streams.ts';

const SHORTEST_ID = 6;
const SHORTEST_TYPED = 4;
const LONGEST_NAME = 200;
const NAMED = 5;

type Named = Pick<Stream, 'id' | 'name'>;

/** Short IDs: the first six characters, more where two begin alike. By ID. */
export function shortIdsOf(streams: readonly Pick<Stream, 'id'>[]): Map<string, string> {
  const ids = [...new Set(streams.map(({ id }) => id))].toSorted();
  const shared = (a: string, b = ''): number => {
    let length = 0;
    while (length < a.length && a[length] === b[length]) length++;
    return length;
  };
  return new Map(ids.map((id, index) => [id, id.slice(0, Math.max(SHORTEST_ID, shared(id, ids[index - 1]) + 1, shared(id, ids[index + 1]) + 1))]));
}

/** Exact names first: a stream that is called `a1b2c3` is meant by that. Undefined: nobody is called so. Throws where it could be several. */
export function findStream<S extends Named>(streams: readonly S[], name: string): S | undefined {
  const exact = streams.find((stream) => stream.name === name) ?? streams.find((stream) => stream.id === name);
  if (exact !== undefined) return exact;
  const ways = [
    (stream: S) => name.length >= SHORTEST_TYPED && stream.id.startsWith(name.toLowerCase()),
    (stream: S) => stream.name?.toLowerCase() === name.toLowerCase(),
    (stream: S) => name.length > 0 && (stream.name?.toLowerCase().startsWith(name.toLowerCase()) ?? false),
  ];
  for (const isMeant of ways) {
    const found = streams.filter(isMeant);
    if (found.length > 1) throw ambiguous(name, found, streams);
    if (found[0] !== undefined) return found[0];
  }
  return undefined;
}

export function resolveStream<S extends Named>(streams: readonly S[], name: string): S {
  const found = findStream(streams, name);
  if (found !== undefined) return found;
  throw new TtError('stream_unknown', `no stream is called ${JSON.stringify(name)}`, {
    hint: '`tt streams --all` lists them; `tt streams create NAME` makes one', exitCode: EXIT_CODES.usage,
  });
}

function ambiguous(name: string, found: readonly Named[], all: readonly Named[]): TtError {
  const short = shortIdsOf(all);
  const names = found.slice(0, NAMED).map((stream) => `${short.get(stream.id)} (${stream.name ?? 'without a name'})`).join(', ');
  return new TtError('stream_ambiguous', `${JSON.stringify(name)} could be ${names}`, {
    hint: 'give the whole name, or the ID in front of it', exitCode: EXIT_CODES.usage,
  });
}

/** As it is stored. Throws for what could not be typed or read again. */
export function toStreamName(text: string): string {
  return toWord(text, 'the name of a stream');
}

export function toTag(text: string): string {
  return toWord(text, 'a tag');
}

function toWord(text: string, what: string): string {
  const word = text.trim();
  if (word !== '' && word.length <= LONGEST_NAME && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/u.test(word)) return word;
  throw new TtError('name_invalid', `${JSON.stringify(text)} can not be ${what}`, {
    hint: `use at most ${LONGEST_NAME} characters on one line`, exitCode: EXIT_CODES.usage,
  });
}

export function nameTaken(name: string): TtError {
  return new TtError('stream_taken', `there is a stream called ${JSON.stringify(name)} already`, {
    hint: `use it as it is, or choose another name; to make two into one: tt streams merge FROM INTO`, exitCode: EXIT_CODES.usage,
  });
}
