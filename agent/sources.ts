/** Everything this machine's agent reads, in the order in which `export` prints it. */
import type { Config } from '../shared/config.ts';
import type { Paths } from '../shared/paths.ts';
import { createClaudeCodeSource } from './claude/source.ts';
import { createEventLogSource, createStatusLogSource } from './event-log/source.ts';
import type { SourceKind } from './extraction.ts';
import type { MachineIdentity } from './identity.ts';
import { readFormerMachines } from './new-identity.ts';
import type { ProbePlace } from './probes.ts';
import { createTextPolicy } from './privacy/texts.ts';

export interface SourcesOptions {
  paths: Pick<Paths, 'dataDir' | 'formerMachinesFile'>;
  config: Pick<Config, 'texts' | 'projects'>;
  claudeDirs: readonly string[];
  identity: MachineIdentity;
  /** A line of a probe was read. */
  onProbe?: (place: ProbePlace) => void;
}

export function openSources({ paths, config, claudeDirs, identity, onProbe }: SourcesOptions): SourceKind[] {
  const { machineId } = identity;
  const texts = createTextPolicy(config);
  const log = { dataDir: paths.dataDir, machineId, former: readFormerMachines(paths.formerMachinesFile), texts };
  return [
    createEventLogSource(log),
    createStatusLogSource({ ...log, onProbe }),
    createClaudeCodeSource({ configDirs: claudeDirs, machineId, texts }),
  ];
}
