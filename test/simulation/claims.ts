/** What lines say: the claims they make, read by the product's own extractors in one go from the beginning of a file. */
import type { ExtractionSink, SourceKind } from '../../agent/extraction.ts';
import type { LineageEdge, SessionState, TtEvent } from '../../shared/event.ts';
import { parseGeneration } from '../../shared/ids.ts';

/** An event of a session: one row in `events` or in `event_copies`. */
export type ClaimKey = string;

export function claimKey(id: string, sessionId: unknown): ClaimKey {
  return `${id} ${typeof sessionId === 'string' ? sessionId : ''}`;
}

export interface Said {
  claims: Map<ClaimKey, TtEvent>;
  states: SessionState[];
  edges: LineageEdge[];
}

const GEN = parseGeneration('0'.repeat(32));
const NEWLINE = 10;

/** `andLast`: the line without a newline counts too, as it may when its file is gone. */
export function read(source: SourceKind, path: string, content: Buffer, { andLast }: { andLast: boolean }): Said {
  const said: Said = { claims: new Map(), states: [], edges: [] };
  if (GEN === undefined) throw new Error('no generation');
  const extractor = source.open({ gen: GEN, path }, undefined);
  if (extractor === undefined) throw new Error(`${source.name} does not open ${path}`);
  const sink: ExtractionSink = {
    event: (event) => said.claims.set(claimKey(event.id, event['session_id']), event),
    state: (state) => said.states.push(state),
    edge: (edge) => said.edges.push(edge),
    entry() {}, unknown() {}, bad() {},
  };
  let start = 0;
  for (let end = content.indexOf(NEWLINE); end !== -1; end = content.indexOf(NEWLINE, start)) {
    extractor.line(content.subarray(start, end), start, end, sink);
    start = end + 1;
  }
  if (andLast && start < content.length) extractor.line(content.subarray(start), start, content.length, sink);
  return said;
}

/** Offset behind the last newline. */
export function completeEnd(content: Buffer): number {
  return content.lastIndexOf(NEWLINE) + 1;
}
