/** The collector of this computer, as commands ask it. */
import type { CommandIo } from '../../shared/cli.ts';
import { resolvePaths } from '../../shared/paths.ts';
import type { Control } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';

/** Where none runs: its state, under its lock. */
export function controlOf(io: Pick<CommandIo, 'environment' | 'home' | 'clock'>): Control {
  return openControl(resolvePaths(io.environment, io.home), io.clock);
}
