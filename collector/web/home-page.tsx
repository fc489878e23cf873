/** The first page: who needs you, machines, who works, the numbers. */
import type { CollectorStatus } from '../../shared/status.ts';
import type { Drain } from './drain.ts';
import type { LiveStatus } from './live-status.ts';
import { MachinesTable } from './machines-table.tsx';
import { NeedsYou } from './needs-you.tsx';
import { NumbersTable } from './numbers-table.tsx';
import { WorkingTable } from './working-table.tsx';

interface HomeProps {
  status: CollectorStatus;
  live: Pick<LiveStatus, 'waiting' | 'working' | 'numbers'>;
  drain: Drain;
  filter: string;
  nowMs: number;
}

export function HomePage({ status, live: { waiting, working, numbers }, drain, filter, nowMs }: HomeProps) {
  return (
    <>
      <NeedsYou waiting={waiting?.waiting} filter={filter} nowMs={nowMs} />
      <MachinesTable status={status} waiting={waiting?.waiting} working={working?.working} drain={drain} filter={filter} nowMs={nowMs} />
      <WorkingTable working={working?.working} filter={filter} nowMs={nowMs} />
      <NumbersTable numbers={numbers} nowMs={nowMs} />
    </>
  );
}
