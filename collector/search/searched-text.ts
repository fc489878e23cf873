/** What of an item is searched, and what a snippet of it is made of. */
import { itemText, type Item } from '../transcript/items.ts';

const SAID_CHARACTERS = 64 * 1024;
const TOOL_HEAD = 6 * 1024;
const TOOL_TAIL = 2 * 1024;

/** Of what tools take and give the start and the end are worth finding. */
export function searchedText(item: Item): string {
  const text = itemText(item);
  if (item.role !== 'tool') return text.slice(0, SAID_CHARACTERS);
  return text.length <= TOOL_HEAD + TOOL_TAIL ? text : `${text.slice(0, TOOL_HEAD)}\n${text.slice(-TOOL_TAIL)}`;
}
