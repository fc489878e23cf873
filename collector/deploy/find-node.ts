/** What a script on another machine begins with that calls `find_node`; see the script. */
import { readFileSync } from 'node:fs';

export const FIND_NODE = readFileSync(new URL('../../deploy/remote-node.sh', import.meta.url), 'utf8');

/** As in package.json. */
export const OLDEST_NODE = '20.19';
