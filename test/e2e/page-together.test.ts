// Twenty agents send at once, two pages look on, a command asks: all of them tell the same numbers.
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TtEvent } from '../../shared/event.ts';
import { reportDocumentSchema } from '../../shared/report-documents.ts';
import { hoursWords } from '../../shared/report-words.ts';
import { collectorStatusSchema } from '../../shared/status.ts';
import { countWords } from '../../shared/status-words.ts';
import { usageDocumentSchema } from '../../shared/usage-documents.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { enrolOffline } from '../load/enrolled.ts';
import { startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { CHROMIUM, openTab, type WatchedTab } from '../support/page-browser.ts';
import { ensureExecutables, killAll, runCommand, runJson } from '../support/processes.ts';
import { batchOf, ScriptedAgent, tokenFor, type JoinedMachine } from '../support/scripted-agent.ts';
import { genOf, testEvent } from '../support/store-fixture.ts';
import { until } from '../support/until.ts';

const AGENTS = 20;
const BATCHES = 5;
const MINUTE = 60_000;
/** Of a computer that is busy with something else; else it takes seconds. */
const WAIT_MS = 40_000;

describe.skipIf(CHROMIUM === undefined)('everybody (skipped where there is no chromium)', () => {
  let home: MachineHome;
  let browser: Browser;
  let url: string;
  let machines: JoinedMachine[];
  const beganMs = Date.now();

  beforeAll(async () => {
    ensureExecutables();
    home = createMachineHome('together');
    machines = await enrolOffline(home, AGENTS);
    const { ingestPort } = await startCollector(home);
    url = `http://127.0.0.1:${ingestPort}`;
    browser = await chromium.launch({ executablePath: CHROMIUM! });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await killAll();
    home.remove();
  });

  /** Work of the last hours, all over by now, so that no number grows while it is compared. */
  function eventsOf({ machineId }: JoinedMachine, agent: number, batch: number): TtEvent[] {
    const startedMs = beganMs - 90 * MINUTE + batch * 10 * MINUTE;
    const common = { session_id: `together-${agent}`, cwd: `/home/me/project-${agent % 4}` };
    const event = (type: string, minute: number, rest: Parameters<typeof testEvent>[1]) => testEvent({ machineId, type, discriminator: `${type}-${agent}-${batch}-${minute}`, at: startedMs + minute * MINUTE + agent * 1000 }, { ...common, ...rest });
    return [
      event('user_message', 0, { kind: 'prompt', origin: 'human', text: 'Go on.', length: 6 }),
      ...[1, 2, 3 + (agent % 3)].map((minute) => event('assistant_message', minute, {
        message_id: `msg_${agent}_${batch}_${minute}`, model: 'claude-opus-4-5', text: 'I go on.', usage: { input_tokens: 100 + agent, output_tokens: 50 + batch, cache_creation_input_tokens: 0, cache_read_input_tokens: 1000 },
      })),
      event('agent_turn', 6, { action: 'ended' }),
    ];
  }

  async function send(machine: JoinedMachine, agent: number): Promise<void> {
    const peer = await ScriptedAgent.connect(url, await tokenFor(url, machine));
    peer.hello();
    await peer.frame('welcome');
    for (let batch = 0; batch < BATCHES; batch += 1) {
      peer.send(batchOf(batch + 1, eventsOf(machine, agent, batch), { gen: genOf(agent * 100 + batch + 1) }));
      await peer.acked(batch + 1);
    }
    // Again what is there already: it counts nowhere.
    peer.send(batchOf(BATCHES + 1, eventsOf(machine, agent, 0).slice(0, 2), { gen: genOf(agent * 100 + 99) }));
    await peer.acked(BATCHES + 1);
  }

  interface Told {
    today: Record<string, string>;
    numbers: string[];
    /** Of the day in lanes. */
    day: string;
  }

  const withoutMark = (text: string): string => text.replace(/\s*[●◐].*/s, '').replace('≥ ', '').trim();

  async function ofPage(tab: WatchedTab): Promise<Told> {
    const rows = await tab.locator('#machines [data-row]').evaluateAll((found) => found.map((row) => [row.querySelector('th')?.textContent?.trim() ?? '', row.querySelector('[data-title="Today"]')?.textContent?.trim() ?? '']));
    const numbers = await tab.locator('#time .today').getByRole('cell').allInnerTexts();
    const day = (await tab.locator('#today h2 .quiet').textContent())?.trim() ?? '';
    return { today: Object.fromEntries(rows) as Record<string, string>, numbers: [numbers[0], numbers[1], numbers[4], numbers[5]].map((text) => withoutMark(text ?? '')), day: day.replace(/, [^,]*$/, '') };
  }

  async function ofCommands(): Promise<Told> {
    const [status, report, usage] = [
      await runJson(home, 'tt', ['status', '--json'], (value) => collectorStatusSchema.parse(value)),
      await runJson(home, 'tt', ['report', '--day', '--json'], (value) => reportDocumentSchema.parse(value)),
      await runJson(home, 'tt', ['usage', '--since', 'today', '--json'], (value) => usageDocumentSchema.parse(value)),
    ];
    const [direct, delegated] = [hoursWords(report.totals.time_direct_ms), hoursWords(report.totals.time_delegated_ms)];
    return {
      today: Object.fromEntries(status.machines.map(({ label, events_today }) => [label, countWords(events_today)])),
      numbers: [direct, delegated, tokensWords(usage.total.tokens.total), costWords(usage.total)],
      day: `${direct} direct, ${delegated} delegated`,
    };
  }

  it('tells the same of twenty machines: two pages and the commands', async () => {
    const link = async (): Promise<string> => (await runCommand(home, 'tt', ['open', '--print'])).stdout.trim();
    // As the collector's: its days are those of UTC here.
    const tabs = [await openTab(browser, await link(), { timezoneId: 'UTC' }), await openTab(browser, await link(), { timezoneId: 'UTC' })];
    await Promise.all(machines.map((machine, agent) => send(machine, agent)));
    const told = await ofCommands();
    expect(Object.keys(told.today)).toHaveLength(AGENTS);
    for (const tab of tabs) {
      await until('the page to tell what the commands tell', async () => {
        expect(await ofPage(tab)).toEqual(told);
        return true;
      }, { timeoutMs: WAIT_MS });
    }
    const flow = tabs[0]!.locator('#flow tbody tr');
    await until('what came in to be told', async () => (await flow.count()) === AGENTS, { timeoutMs: WAIT_MS });
    await until('duplicates to be told', async () => (await flow.locator('[data-title="Duplicate"]').allInnerTexts()).every((text) => text.trim() === '2'), { timeoutMs: WAIT_MS });
    expect(tabs.flatMap(({ problems }) => problems)).toEqual([]);
  }, 150_000);
});
