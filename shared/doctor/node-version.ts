import { fail, ok, type Check } from './check.ts';

/** The least that both programs run on. */
const LEAST = [20, 19] as const;

/** `version` as `process.versions.node` has it. */
export function judgeNode(version: string): Check[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
  if (isEnough) return [ok('node', `Node ${version}`)];
  return [fail('node', `Node ${version} is older than ${LEAST.join('.')}`, `install Node ${LEAST.join('.')} or newer and start the service with it`)];
}
