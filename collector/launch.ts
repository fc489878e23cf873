/**
 * What `tt` starts with, as it is shipped. A prompt asks for the status line every
 * time it is drawn: that answer loads nothing but itself. All else is in main.ts.
 */
import { homedir } from 'node:os';
import { resolvePaths } from '../shared/paths.ts';
import { quickStatusline } from './statusline/statusline-file.ts';

const [word, ...words] = process.argv.slice(2);
const quick = word === 'statusline' ? quickStatusline(words, resolvePaths(process.env, homedir()).statuslineFile, Date.now()) : undefined;
if (quick === undefined) await import(new URL('./main.ts', import.meta.url).href);
else process.stdout.write(quick);
