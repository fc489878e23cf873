// `tt machines rewind … --replace` through a real agent, tailer, listener and database. No older extraction is at
// hand: the database is made to look as one would have left it.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAgent, type Agent } from '../../agent/agent.ts';
import { agentCommands } from '../../agent/commands/table.ts';
import { factHash } from '../../collector/store/fact-hash.ts';
import { openReader, openWriter } from '../../collector/store/database.ts';
import { systemClock } from '../../shared/clock.ts';
import { configSchema } from '../../shared/config.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { runCommand } from '../support/command-run.ts';
import { openIngest, type IngestFixture } from '../support/ingest-fixture.ts';
import { modelProcesses } from '../support/model-processes.ts';

const LOGS = new URL('../fixtures/claude/claude-2.1.329', import.meta.url).pathname;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-replacing-'));
  cpSync(LOGS, join(home, '.claude'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function joined(collector: IngestFixture): Promise<MachineId> {
  const { code, stderr } = await runCommand(
    agentCommands(() => modelProcesses()), ['join', collector.url, '--code', collector.codes.create('devbox').code], home, { clock: systemClock },
  );
  if (code !== 0) throw new Error(stderr);
  const { machine_id: printed } = JSON.parse(readFileSync(resolvePaths({}, home).machineFile, 'utf8')) as { machine_id: string };
  const machineId = parseMachineId(printed);
  if (machineId === undefined) throw new Error('no machine ID');
  return machineId;
}

function start(): Promise<Agent> {
  return openAgent(
    { paths: resolvePaths({}, home), config: configSchema.parse({}), claudeDirs: [join(home, '.claude')] },
    { clock: systemClock, log: silentLog, processes: modelProcesses() },
  );
}

/** Resolves when a commit or a status leaves nothing to wait for. */
function settled(collector: IngestFixture, isSettled: () => boolean | Promise<boolean>): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (): void => {
      Promise.resolve(isSettled()).then((is) => {
        if (!is) return;
        stop();
        resolve();
      }).catch(reject);
    };
    const stop = collector.links.onChange(check);
    check();
  });
}

const isQuiet = (collector: IngestFixture, machine: MachineId) => (): boolean => {
  const link = collector.links.get(machine);
  return link?.connected === true && link.status?.backlog_bytes === 0 && link.status.files > 0;
};

const TABLES = [
  'SELECT id, schema_version, cwd, session_id, data FROM events ORDER BY id',
  'SELECT id, session_id, data FROM event_copies ORDER BY id',
  'SELECT session_id, agent_id, prompts, tool_uses, tool_results, turns, state, title FROM sessions ORDER BY 1, 2',
  'SELECT message_id, session_id, output_tokens FROM message_usage ORDER BY 1',
];

function contentOf(collector: IngestFixture): unknown[][] {
  const reader = openReader(collector.database);
  try {
    return TABLES.map((sql) => reader.prepare(sql).all());
  } finally {
    reader.close();
  }
}

/** As if every fact was found by an extraction that was wrong about some of them. */
function age(collector: IngestFixture): void {
  const database = openWriter(collector.database);
  try {
    database.exec('UPDATE event_row SET schema_version = 1; UPDATE copy_row SET schema_version = 1');
    // Prompts that are none, on the entries of tool results; and tools that are none.
    const results = database.prepare<[], { row: number; entry: string }>(`
      SELECT e.row, json_extract(e.data, '$.entry_uuid') AS entry FROM event_row e JOIN kind_key k USING (kind) WHERE k.type = 'agent_tool_result'`).all();
    const kind = database.prepare<[], { kind: number }>("SELECT kind FROM kind_key WHERE type = 'user_message' AND form = 'fact'").get()?.kind;
    const copy = database.prepare(`INSERT INTO event_row (machine, at, kind, session, discriminator, fact, cwd, born_at, schema_version, data)
      SELECT machine, at, ?, session, ?, ?, cwd, born_at, 1, '{"agent":"claude-code","kind":"prompt","origin":"human"}' FROM event_row WHERE row = ?`);
    for (const { row, entry } of results) copy.run(kind, entry, factHash(`user_message:${entry}`), row);
    for (const table of ['event_row', 'copy_row']) {
      const uses = database.prepare<[], { row: number; discriminator: string }>(`
        SELECT row, discriminator FROM ${table} JOIN kind_key k USING (kind) WHERE k.type = 'agent_tool_use'`).all();
      const rename = database.prepare(`UPDATE ${table} SET discriminator = ?, fact = ? WHERE row = ?`);
      for (const { row, discriminator } of uses) rename.run(`wrong-${discriminator}`, factHash(`agent_tool_use:wrong-${discriminator}`), row);
    }
  } finally {
    database.close();
  }
}

it('what older extraction said is replaced by what the agent finds now, also when it goes away in between', async () => {
  await using collector = await openIngest();
  const machine = await joined(collector);
  const first = await start();
  await settled(collector, isQuiet(collector, machine));
  const right = contentOf(collector);
  expect(right.map((rows) => rows.length > 0)).toEqual([true, true, true, true]);
  await first.close();

  age(collector);
  await collector.writer.call('rebuild');
  expect(contentOf(collector)[2]).not.toEqual(right[2]);
  const { files } = await collector.writer.call('wantReplacement', machine);
  expect(files).toBe(3);
  const isDone = async (): Promise<boolean> => (await collector.writer.call('wantedReplacements', machine)).length === 0;

  const second = await start();
  await settled(collector, () => (collector.links.get(machine)?.duplicate ?? 0) + (collector.links.get(machine)?.stored ?? 0) > (right[0]?.length ?? 0));
  second.abandon();
  await second.close();
  const third = await start();
  await settled(collector, isDone);
  expect(contentOf(collector)).toEqual(right);
  await settled(collector, isQuiet(collector, machine));
  await third.close();
});
