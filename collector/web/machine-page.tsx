/** A machine's page of its own: how it is, its day, its files, what was lost or refused, and what can be done. */
import { useRef } from 'hono/jsx/dom';
import { reasonWords } from '../../shared/gap-words.ts';
import type { GapRow, MachineDocument } from '../../shared/machine-document.ts';
import { problemsOf } from '../../shared/status-problems.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import {
  agoWords, bytesWords, clockWords, countWords, lagWords, plural, STATE_SHAPES, STATE_WORDS, tunnelWords, UNKNOWN,
} from '../../shared/status-words.ts';
import { act, useActing } from './actions.ts';
import { ConnectionStrip } from './connection-strip.tsx';
import { useAnswer } from './answer.ts';
import type { Drain } from './drain.ts';
import { MachineActions } from './machine-actions.tsx';
import { ArchivePanel } from './archive-panel.tsx';
import { backlogAndRest } from './machine-columns.ts';
import { tunnelProblems } from './machines-table.tsx';
import { Cell, Panel, Table } from './panel.tsx';
import { Said } from './said.tsx';
import { plain } from './session-name.tsx';

/** Between two looks at what may have changed. */
const LEAST_MS = 2000;
/** Also without a sign: the agent says now and then what waits there. */
const ARCHIVE_LOOK_MS = 15_000;

interface MachinePageProps {
  /** Label or ID. */
  name: string;
  status: CollectorStatus;
  stamp: string;
  /** How often something was archived. */
  archived: number;
  drain: Drain;
  nowMs: number;
}

export function MachinePage({ name, status, ...rest }: MachinePageProps) {
  // Renamed here or elsewhere it is still the one that is looked at.
  const looked = useRef<string>('');
  const machine = status.machines.find(({ label, machine_id: id }) => label === name || id === name) ?? status.machines.find(({ machine_id: id }) => id === looked.current);
  looked.current = machine?.machine_id ?? '';
  if (machine) return <Machine key={machine.machine_id} machine={machine} status={status} {...rest} />;
  return <article aria-label="Machine"><p><a href="/">All sessions and machines</a></p><p class="problem">No machine is called {plain(name)}.</p></article>;
}

function Machine({ machine, status, stamp, archived, drain, nowMs }: Omit<MachinePageProps, 'name'> & { machine: MachineStatus }) {
  const { document, error, askAgain } = useAnswer<MachineDocument>(`/api/v1/machines/${machine.machine_id}`, `${stamp} ${machine.state} ${machine.gaps} ${machine.refused}`, LEAST_MS);
  const toMend = linesToMend(machine, status, nowMs);
  return (
    <article aria-label="Machine" class={machine.state}>
      <p><a href="/">All sessions and machines</a></p>
      <h2 class="session-title" id="machine-title" tabindex={-1}>{machine.label}</h2>
      <p class="session-state"><strong class="state"><span class="shape" aria-hidden="true">{STATE_SHAPES[machine.state]}</span> {STATE_WORDS[machine.state]}</strong></p>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
      <ToMend lines={toMend} />
      <Facts machine={machine} document={document} toMend={toMend} drain={drain} nowMs={nowMs} />
      <MachineActions machine={machine} />
      <Panel id="day" title="Connected" note="the last 24 hours">
        {document ? <ConnectionStrip label={machine.label} spans={document.connections} nowMs={nowMs} /> : <p class="empty">{UNKNOWN}</p>}
      </Panel>
      {document && document.gaps.length > 0 && <Gaps gaps={document.gaps} nowMs={nowMs} onChange={askAgain} />}
      {document && document.refused.length > 0 && <Refused document={document} nowMs={nowMs} />}
      <ArchivePanel machineId={machine.machine_id} stamp={`${archived} ${machine.state} ${Math.floor(nowMs / ARCHIVE_LOOK_MS)}`} />
      {document && <Ledger document={document} nowMs={nowMs} />}
    </article>
  );
}

/** What is wrong, each with its next step. */
function linesToMend(machine: MachineStatus, status: CollectorStatus, nowMs: number): string[] {
  const own = { ...status, machines: [machine] };
  return machine.ended_at === null ? [...tunnelProblems([machine]), ...problemsOf(own, nowMs)].map(plain) : [];
}

function ToMend({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return <ul class="problems" aria-label="To mend">{lines.map((line) => <li key={line}>{line}</li>)}</ul>;
}

/** Undefined: all of it stands above, as to be mended. `told`: what its agent said of itself when the document was made; the status is younger. */
function saysOf(machine: MachineStatus, told: readonly string[] | undefined, toMend: readonly string[]): string | undefined {
  const problems = told && (machine.agent_problems ?? told);
  if (problems === undefined) return UNKNOWN;
  if (problems.length === 0) return 'all is well';
  const others = problems.filter((problem) => !toMend.includes(plain(`${machine.label}: ${problem}`)));
  return others.length === 0 ? undefined : others.join('; ');
}

interface FactsProps {
  machine: MachineStatus;
  document: MachineDocument | undefined;
  toMend: readonly string[];
  drain: Drain;
  nowMs: number;
}

function Facts({ machine, document, toMend, drain, nowMs }: FactsProps) {
  const { tunnel, clock_offset_ms: offset } = machine;
  const report = document?.report;
  const says = saysOf(machine, report?.problems ?? undefined, toMend);
  const at = (timestamp: string | null | undefined): string => (timestamp === null || timestamp === undefined ? UNKNOWN : clockWords(timestamp, nowMs));
  const unknown = Object.entries(report?.unknown_entries ?? {}).map(([type, count]) => `${type} ×${countWords(count)}`).join(', ');
  const facts: readonly (readonly [string, string])[] = [
    ['Last event', agoWords(machine.last_event_at, nowMs)],
    ['Complete to', at(machine.complete_until)],
    ['Lag', lagWords(machine.lag_ms)],
    ['Backlog', backlogAndRest(machine, drain)],
    ['Today', plural(machine.events_today, 'event')],
    ['Connected', machine.connected ? `since ${at(document?.connected_since)}` : `no; last heard ${agoWords(document?.last_seen_at ?? null, nowMs)}`],
    ['Tunnel', tunnel ? `${tunnelWords(tunnel)} to ${tunnel.host}, since ${at(tunnel.since)}${tunnel.warning === null ? '' : `; ${tunnel.warning}`}` : UNKNOWN],
    ['Clock', offset === null ? UNKNOWN : offset === 0 ? 'as here' : `${countWords(Math.abs(offset))} ms ${offset > 0 ? 'ahead of' : 'behind'} this one`],
    ['Version', machine.version ?? UNKNOWN],
    ['Host', document?.host || UNKNOWN],
    ['Enrolled', at(document?.enrolled_at)],
    ['Bad lines', report?.bad_lines === null || report?.bad_lines === undefined ? UNKNOWN : countWords(report.bad_lines)],
    ['Not known', report?.unknown_entries ? unknown || 'every kind of entry is known' : UNKNOWN],
    ...(says === undefined ? [] : [['It says', says] as const]),
    ['Sends', document ? document.sources.map(({ source, last_at: last }) => `${source} (${agoWords(last, nowMs)})`).join(', ') || 'nothing yet' : UNKNOWN],
    ['ID', machine.machine_id],
  ];
  return <dl class="facts">{facts.map(([term, words]) => <div key={term}><dt>{term}</dt><dd>{plain(words)}</dd></div>)}</dl>;
}

const GAP_COLUMNS = [{ title: 'File' }, { title: 'Bytes', isNumber: true }, { title: 'Between' }, { title: 'Why' }, { title: 'Accepted' }] as const;

/** Bytes declared lost. Accepted ones hold nothing up any more. */
function Gaps({ gaps, nowMs, onChange }: { gaps: readonly GapRow[]; nowMs: number; onChange(): void }) {
  const acting = useActing();
  const accept = (gap: GapRow): void => acting.run(async () => {
    await act('gaps.accept', { ids: [gap.id], machine: null, all: false, undo: gap.accepted_at !== null });
    return gap.accepted_at === null ? `Gap ${gap.id} is accepted: it holds no number up any more.` : `Gap ${gap.id} is open again.`;
  }, onChange);
  const at = (timestamp: string | null): string => (timestamp === null ? UNKNOWN : clockWords(timestamp, nowMs));
  return (
    <Panel id="gaps" title="Gaps" note="declared lost">
      <Table label="Gaps" columns={GAP_COLUMNS}>
        {gaps.map((gap) => (
          <tr key={gap.id} role="row" tabindex={-1} data-row>
            <th role="rowheader" scope="row"><span class="path">{plain(gap.path)}</span><span class="where">{gap.id}, from byte {countWords(gap.from)}</span></th>
            <Cell title="Bytes" isNumber>{bytesWords(gap.bytes)}</Cell>
            <Cell title="Between">{at(gap.t_from)} and {at(gap.t_to)}</Cell>
            <Cell title="Why"><span class="wrap">{plain(reasonWords(gap.reason))}</span></Cell>
            <Cell title="Accepted">
              {gap.accepted_at === null ? 'no' : at(gap.accepted_at)}{' '}
              <button type="button" data-key="x" onClick={() => accept(gap)}>{gap.accepted_at === null ? 'Accept' : 'Take back'}<span class="unseen"> gap {gap.id}</span></button>
            </Cell>
          </tr>
        ))}
      </Table>
      <Said {...acting} />
    </Panel>
  );
}

const REFUSED_COLUMNS = [{ title: 'What' }, { title: 'Why' }, { title: 'Times', isNumber: true }, { title: 'Last' }, { title: 'Bytes', isNumber: true }] as const;

function Refused({ document: { refused, refused_total: total }, nowMs }: { document: MachineDocument; nowMs: number }) {
  return (
    <Panel id="refused" title="Refused" note={refused.length < total ? `the latest ${refused.length} of ${countWords(total)}` : 'kept as dead letters'}>
      <Table label="Refused events" columns={REFUSED_COLUMNS}>
        {refused.map(({ code, subject, count, last_at: last, bytes }) => (
          <tr key={`${code} ${subject}`} role="row" tabindex={-1} data-row>
            <th role="rowheader" scope="row"><span class="path">{plain(subject) || UNKNOWN}</span></th>
            <Cell title="Why">{plain(code)}</Cell>
            <Cell title="Times" isNumber>{countWords(count)}</Cell>
            <Cell title="Last">{clockWords(last, nowMs)}</Cell>
            <Cell title="Bytes" isNumber>{bytesWords(bytes)}</Cell>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}

const FILE_COLUMNS = [{ title: 'File' }, { title: 'Stored', isNumber: true }, { title: 'Last moved' }, { title: 'Begun' }, { title: 'Generation' }] as const;

function Ledger({ document: { files, files_total: total, files_bytes: bytes }, nowMs }: { document: MachineDocument; nowMs: number }) {
  const note = `${plural(total, 'file')}, ${bytesWords(bytes)} stored${files.length < total ? `; the latest ${files.length}` : ''}`;
  return (
    <Panel id="ledger" title="Ledger" note={note}>
      {files.length === 0 ? <p class="empty">Nothing of it is stored yet.</p> : (
        <Table label="Ledger by file" columns={FILE_COLUMNS}>
          {files.map((file) => (
            <tr key={file.gen} role="row" tabindex={-1} data-row>
              <th role="rowheader" scope="row"><span class="path">{plain(file.path)}</span></th>
              <Cell title="Stored" isNumber>{bytesWords(file.bytes)}</Cell>
              <Cell title="Last moved">{agoWords(file.updated_at, nowMs)}</Cell>
              <Cell title="Begun">{file.born_at === null ? UNKNOWN : clockWords(file.born_at, nowMs)}</Cell>
              <Cell title="Generation">{file.gen.slice(0, 8)}</Cell>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  );
}
