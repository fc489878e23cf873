/** The first page: who needs you, machines, who works, the day, the numbers, what comes in and where it lies. */
import type { CollectorStatus } from '../../shared/status.ts';
import type { Drain } from './drain.ts';
import { stampOf, type LiveStatus } from './live-status.ts';
import { EventsPanel } from './events-panel.tsx';
import { FlowPanel } from './flow-panel.tsx';
import { MachinesTable } from './machines-table.tsx';
import { NeedsYou } from './needs-you.tsx';
import { NumbersTable } from './numbers-table.tsx';
import { StorePanel } from './store-panel.tsx';
import { TodayPanel } from './today-panel.tsx';
import { WorkingTable } from './working-table.tsx';

interface HomeProps {
  status: CollectorStatus;
  live: Pick<LiveStatus, 'waiting' | 'working' | 'numbers' | 'newest' | 'rate' | 'recent' | 'arrived'>;
  drain: Drain;
  filter: string;
  nowMs: number;
}

export function HomePage({ status, live: { waiting, working, numbers, newest, rate, recent, arrived }, drain, filter, nowMs }: HomeProps) {
  return (
    <>
      <NeedsYou waiting={waiting?.waiting} filter={filter} nowMs={nowMs} />
      <MachinesTable status={status} waiting={waiting?.waiting} working={working?.working} drain={drain} filter={filter} nowMs={nowMs} />
      <WorkingTable working={working?.working} filter={filter} nowMs={nowMs} />
      <TodayPanel stamp={stampOf({ newest }, nowMs)} nowMs={nowMs} />
      <NumbersTable numbers={numbers} nowMs={nowMs} />
      <FlowPanel rate={rate} stamp={newest} nowMs={nowMs} />
      <EventsPanel recent={recent} arrived={arrived} machines={status.machines} filter={filter} nowMs={nowMs} />
      <StorePanel machines={status.machines} nowMs={nowMs} />
    </>
  );
}
