/** Answers `tt search`: from the index which passages, from the archived files what they say. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROLES, SEARCH_SCHEMA, type Role, type SearchDocument, type SearchHit } from '../../shared/search-document.ts';
import type { Paths } from '../../shared/paths.ts';
import { openRegular, readAt } from '../../shared/regular-file.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { openSearchReader, type Candidate, type SearchReader } from '../store/search-index.ts';
import { readItems } from '../transcript/items.ts';
import { parseQuery, toMatch, type SearchQuery } from './query.ts';
import { searchedText } from './searched-text.ts';
import { snippetOf } from './snippet.ts';

export interface SearchRequest {
  query: string;
  /** Directories of machines in the archive. */
  machines: readonly string[] | undefined;
  roles: readonly Role[] | undefined;
  sinceMs: number | undefined;
  project: string | undefined;
  limit: number;
}

export interface SearchDeps {
  index: SearchReader;
  archiveDir: string;
  nowMs: number;
  /** Label of a directory in the archive. */
  labelOf(machine: string): string;
}

/** Ranking more of what is found thousands of times costs more than it tells. */
const RANKED = 2000;
const OF_ONE_SESSION = 3;
/** What a person typed says most about what a session was about, what a tool printed least. */
const ROLE_WEIGHT: Readonly<Record<Role, number>> = { user: 2, assistant: 1.4, tool: 1 };
const HALF_LIFE_MS = 90 * 86_400_000;

/** Nothing is found where there is no index yet. Throws a usage error where there is no word to look for. */
export function searchArchive(request: SearchRequest, { searchDatabase, archiveDir }: Pick<Paths, 'searchDatabase' | 'archiveDir'>, known: Pick<SearchDeps, 'nowMs' | 'labelOf'>): SearchDocument {
  parseQuery(request.query);
  if (!existsSync(searchDatabase)) return { schema: SEARCH_SCHEMA, query: request.query, hits: [], is_newest_only: false, indexed_files: 0, indexed_bytes: 0 };
  using index = openSearchReader(searchDatabase);
  return search(request, { index, archiveDir, ...known });
}

export function search(request: SearchRequest, { index, archiveDir, nowMs, labelOf }: SearchDeps): SearchDocument {
  const query = parseQuery(request.query);
  const { machines, roles, sinceMs, project, limit } = request;
  const found = index.candidates({ match: toMatch(query), machines, roles: roles?.map((role) => ROLES.indexOf(role)), sinceMs, project, limit: RANKED + 1 });
  const ranked = found.slice(0, RANKED).map((candidate) => ({ candidate, weight: weightOf(candidate, nowMs) })).sort((a, b) => b.weight - a.weight);
  const hits: SearchHit[] = [];
  const seen = new Set<string>();
  const ofSession = new Map<string, number>();
  for (const { candidate } of ranked) {
    if (hits.length === limit) break;
    const count = ofSession.get(candidate.session) ?? 0;
    if (count === OF_ONE_SESSION) continue;
    const hit = toHit(candidate, query, archiveDir);
    // The archive can hold a session of two machines; what is gone from it is found no more.
    const same = hit && `${hit.uuid ?? `${candidate.name}:${candidate.start}`}:${candidate.item}`;
    if (hit === undefined || same === undefined || seen.has(same)) continue;
    seen.add(same);
    ofSession.set(candidate.session, count + 1);
    hits.push({ ...hit, machine: labelOf(hit.machine) });
  }
  const { files, bytes } = index.extent();
  return { schema: SEARCH_SCHEMA, query: request.query, hits, is_newest_only: found.length > RANKED, indexed_files: files, indexed_bytes: bytes };
}

/** bm25 knows how rare the words are and how short the passage is. */
function weightOf({ score, role, atMs }: Candidate, nowMs: number): number {
  const age = atMs === null ? HALF_LIFE_MS : Math.max(0, nowMs - atMs);
  return -score * ROLE_WEIGHT[ROLES[role] ?? 'tool'] * (0.5 + 0.5 * 2 ** (-age / HALF_LIFE_MS));
}

function toHit({ name, machine, session, cwd, start, length, item, role, atMs }: Candidate, query: SearchQuery, archiveDir: string): SearchHit | undefined {
  const line = lineAt(join(archiveDir, name), start, length);
  const entry = line && readItems(line);
  const said = entry?.items[item];
  if (!entry || !said) return undefined;
  const { text, marks } = snippetOf(searchedText(said), query);
  const [, agentId = null] = /\/agent-([^/]+)\.jsonl$/.exec(name) ?? [];
  return {
    session, machine, agent_id: agentId, project: cwd, role: ROLES[role] ?? 'tool', at: atMs === null ? null : printTimestamp(atMs),
    uuid: entry.uuid ?? null, snippet: text, marks,
  };
}

/** Undefined where it is no more as it was indexed. */
function lineAt(path: string, start: number, length: number): Buffer | undefined {
  const file = openRegular(path);
  if (file === undefined) return undefined;
  try {
    const bytes = readAt(file.fd, start, length);
    return bytes.length === length ? bytes : undefined;
  } finally {
    file.close();
  }
}
