/** A laptop and a machine that `tt deploy` set up, between which things break while its logs grow. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openReader } from '../../collector/store/database.ts';
import { createClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, differenceOf, readFacts, startCollector, untilAgreed, type RunningCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { runCommand } from '../support/processes.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { openTwoHosts, type TwoHosts } from '../support/two-hosts.ts';
import { until } from '../support/until.ts';
import type { ProgramTime } from '../torture/platform.ts';

export interface Stage extends AsyncDisposable {
  readonly hosts: TwoHosts;
  readonly collector: RunningCollector;
  /** Facts whose lines are in files of the far host. */
  written(): number;
  /** Facts in the laptop's database. */
  stored(): number;
  /** Throws where the two sets come to differ for good, or the machine does not come back to life. */
  agree(): Promise<void>;
}

export interface StageOptions {
  random: SeededRandom;
  /** The one clock of both hosts' programs. */
  time?: ProgramTime | undefined;
}

const WRITE_EVERY_MS = 50;

export async function openStage({ random, time }: StageOptions): Promise<Stage> {
  const environment = time?.environment ?? {};
  const hosts = await openTwoHosts({ environment });
  const laptop = createMachineHome('laptop', { PATH: `${hosts.binDir}:${process.env['PATH'] ?? ''}`, ...environment });
  const collector = await startCollector(laptop, { under: hosts.onLaptop });
  const { code, stdout, stderr } = await runCommand(laptop, 'tt', ['deploy', 'devbox', '--label', 'devbox', '--no-tmux', '--yes'], { under: hosts.onLaptop });
  if (code !== 0) throw new Error(`tt deploy exited ${code}: ${stdout}${stderr}`);
  const { writer, stop } = startWriting(hosts, random);
  const reader = openReader(laptop.paths.database);
  const count = reader.prepare<[], { n: number }>('SELECT count(*) AS n FROM event_row');
  return {
    hosts, collector,
    written: () => writer.facts.size,
    stored: () => count.get()?.n ?? 0,
    async agree() {
      // While lines are written the two are never the same: everything of now has to arrive, and nothing else may.
      const now = new Set(writer.facts);
      await until('everything to arrive', () => {
        const { missing, unexpected, repeated } = differenceOf(readFacts(laptop.paths.database).facts, now) ?? { missing: [], unexpected: [], repeated: [] };
        const strange = unexpected.filter((fact) => !writer.facts.has(fact));
        if (strange.length + repeated.length > 0) throw new Error(`${strange.length} facts nobody wrote, ${repeated.length} that count twice`);
        return missing.length === 0;
      }, { timeoutMs: 60_000, everyMs: 100 });
      await untilLive(laptop);
    },
    async [Symbol.asyncDispose]() {
      stop();
      reader.close();
      try {
        await untilAgreed(laptop.paths.database, () => writer.facts);
      } finally {
        await hosts[Symbol.asyncDispose]();
        await collector.kill();
        laptop.remove();
      }
    },
  };
}

/** A harness that works all the time, as the account there. */
function startWriting(hosts: TwoHosts, random: SeededRandom): { writer: ReturnType<typeof createClaudeWriter>; stop: () => void } {
  const { uid, gid } = statSync(hosts.home);
  const asAccount = <T>(act: () => T): T => {
    process.setegid?.(gid);
    process.seteuid?.(uid);
    try {
      return act();
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  };
  const writer = asAccount(() => createClaudeWriter({ projects: join(hosts.home, '.claude/projects'), random: seededRandom(random.between(1, 2 ** 31)) }));
  const timer = setInterval(() => asAccount(() => writer.act()), WRITE_EVERY_MS);
  return {
    writer,
    stop() {
      clearInterval(timer);
      asAccount(() => writer.settle());
    },
  };
}

async function untilLive(laptop: MachineHome): Promise<void> {
  await until('a machine that is live', async () => {
    const [machine] = (await collectorStatus(laptop)).machines;
    return machine?.connected === true && machine.gaps === 0 && machine.refused === 0;
  }, { everyMs: 200 });
}
