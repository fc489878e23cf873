/**
 * Which session repeats or continues which. A set of edges: a late one changes
 * who wins facts of both ends, so the caller decides those again.
 */
import type { LineageEdge } from '../../shared/event.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';

export interface Lineage {
  /** Adds edges; returns the sessions whose facts must be decided again. */
  add(edges: readonly LineageEdge[]): number[];
  descends(session: number, other: number): boolean;
  forget(): void;
}

type Graph = ReadonlyMap<number, ReadonlySet<number>>;

/** Without those it starts from, unless a circle leads back to them. Each edge is followed once: a log may hold a long chain. */
function reachable(from: Iterable<number>, graph: Graph): Set<number> {
  const seen = new Set<number>();
  const open = [...from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const neighbour of graph.get(next) ?? []) {
      if (seen.has(neighbour)) continue;
      seen.add(neighbour);
      open.push(neighbour);
    }
  }
  return seen;
}

function childrenOf(parents: Graph): Graph {
  const children = new Map<number, Set<number>>();
  for (const [child, ofChild] of parents) for (const parent of ofChild) link(children, parent, child);
  return children;
}

function link(graph: Map<number, Set<number>>, from: number, to: number): void {
  const known = graph.get(from);
  if (known === undefined) graph.set(from, new Set([to]));
  else known.add(to);
}

export function openLineage(database: Database, keys: Keys): Lineage {
  const insert = database.prepare<[number, number, string]>(
    'INSERT OR IGNORE INTO lineage (child, parent, via) VALUES (?, ?, ?)',
  );
  const all = database.prepare<[], { child: number; parent: number }>('SELECT DISTINCT child, parent FROM lineage');
  // Forks are few: the whole graph stays in memory.
  let parents: Map<number, Set<number>> | undefined;

  const graphOf = (): Map<number, Set<number>> => {
    if (parents === undefined) {
      parents = new Map();
      for (const { child, parent } of all.all()) link(parents, child, parent);
    }
    return parents;
  };

  return {
    add(edges) {
      const touched = new Set<number>();
      for (const edge of edges) {
        if (edge.child === edge.parent) continue;
        const child = keys.session(edge.child);
        const parent = keys.session(edge.parent);
        if (insert.run(child, parent, edge.via).changes === 0) continue;
        link(graphOf(), child, parent);
        touched.add(child);
        touched.add(parent);
      }
      if (touched.size === 0) return [];
      // Anything that descends from a touched session may now descend from more.
      const heirs = reachable(touched, childrenOf(graphOf()));
      const forebears = reachable(touched, graphOf());
      return [...new Set([...touched, ...heirs, ...forebears])];
    },
    descends(session, other) {
      if (graphOf().size === 0 || !graphOf().has(session)) return false;
      return reachable([session], graphOf()).has(other);
    },
    forget() {
      parents = undefined;
    },
  };
}
