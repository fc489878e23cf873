/** Is the program kept running, also after a logout and a reboot? */
import type { ServiceKind } from '../service/service.ts';
import { ok, warn, type Check } from './check.ts';

export interface ServiceFacts {
  name: string;
  kind: ServiceKind;
  installed: boolean;
  running: boolean;
  /** Runs also while its user is logged out; null: not a question here, or not known. */
  lingers: boolean | null;
  user: string;
  /** Its command to install it. */
  install: string;
}

export function judgeService({ name, kind, installed, running, lingers, user, install }: ServiceFacts): Check[] {
  if (!installed) return [warn('service', `${name} is not installed as a service: it ends with its terminal and does not come back after a reboot`, install)];
  if (!running) return [warn('service', `${name} is installed (${kind}) and does not run`, `${install} starts it again; ${install.replace(/install$/, 'logs')} tells why it ended`)];
  if (lingers === false) {
    return [warn('service', `${name} stops when ${user} logs out, and starts only at the next login`, `loginctl enable-linger ${user}`)];
  }
  return [ok('service', `${name} is kept running (${kind})`)];
}
