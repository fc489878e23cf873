/** `uplink.json`: the collector that `join` pinned, and where it was. `endpoint.json`: where its tunnel ends now. */
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { messageOf, TtError } from '../shared/errors.ts';
import { parseCollectorId, type CollectorId } from '../shared/ids.ts';
import { isPublicKey, type PublicKey } from '../shared/protocol/tokens.ts';

export interface Uplink {
  /** Address given to `join`; an endpoint written by a tunnel goes before it. */
  url: string;
  collectorId: CollectorId;
  publicKey: PublicKey;
}

const uplinkFileSchema = z.looseObject({
  version: z.literal(1),
  url: z.string(),
  collector_id: z.string().transform((text, context) => {
    const id = parseCollectorId(text);
    if (id !== undefined) return id;
    context.addIssue('not a UUID');
    return z.NEVER;
  }),
  public_key: z.string().refine(isPublicKey),
});

/** Undefined where this machine never joined. Throws `uplink_invalid`. */
export function readUplink(file: string): Uplink | undefined {
  const text = readFileIfExists(file);
  if (text === undefined) return undefined;
  try {
    const { url, collector_id: collectorId, public_key: publicKey } = uplinkFileSchema.parse(JSON.parse(text));
    return { url, collectorId, publicKey };
  } catch (error) {
    throw new TtError('uplink_invalid', `${file} can not be read: ${messageOf(error)}`, {
      hint: `move ${file} away and join again: tt machines add LABEL --again on the laptop prints the command`,
      cause: error,
    });
  }
}

export function requireUplink(file: string): Uplink {
  const uplink = readUplink(file);
  if (uplink) return uplink;
  throw new TtError('not_joined', 'This machine has not joined a collector.', {
    hint: 'on the laptop: tt machines add LABEL; it prints the tt-agent join command to run here',
  });
}

export function writeUplink(file: string, { url, collectorId, publicKey }: Uplink): void {
  makePrivateDirectory(dirname(file));
  const content = { version: 1, url, collector_id: collectorId, public_key: publicKey };
  writeFileAtomic(file, `${JSON.stringify(content, null, 2)}\n`);
}

const endpointFileSchema = z.looseObject({ url: z.string().max(4096) });

/** What a tunnel wrote, as text; undefined where there is none, or it says nothing of use. */
export function readEndpointFile(file: string): string | undefined {
  try {
    const text = readFileIfExists(file);
    return text === undefined ? undefined : endpointFileSchema.parse(JSON.parse(text)).url;
  } catch {
    return undefined;
  }
}
