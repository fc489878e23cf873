import type { ExitCode } from '../../shared/errors.ts';
import { EXIT_CODES } from '../../shared/errors.ts';

export async function backup(): Promise<ExitCode> {
  return EXIT_CODES.failed;
}
