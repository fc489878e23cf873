/** What a script on another machine begins with that has to know where things lie there; see the script. */
import { readFileSync } from 'node:fs';

export const PLACES = readFileSync(new URL('../../deploy/remote-places.sh', import.meta.url), 'utf8');
