/**
 * Decisions of a person that hide in tool results: an answered question, an
 * approved plan, a refused tool. They are attention like any prompt.
 */
import type { JsonValue } from '../../shared/event.ts';
import { isObject, objectOf, textOf, type Entry, type JsonObject } from '../../shared/json-line.ts';
import { originByEntrypoint, wordsOf, type Said } from '../../shared/human.ts';

/** Tools whose result is what a person decided. */
export const DECISION_TOOLS: ReadonlySet<string> = new Set(['AskUserQuestion', 'ExitPlanMode']);

/** How the result of a refused tool begins. */
export const REFUSAL = "The user doesn't want to ";
/** What the person said follows, in the older wording and in that of 2026. */
const FEEDBACK = /(?:the user said|the following reason for the rejection):\s*([\s\S]*)$/i;
/** A hint for the model that some versions put behind it. */
const HINT = /\n\nNote: The user's next message may contain a correction or preference\.[^\n]*$/;

/** `tool` is the name of the tool that gave this result, where it is one of `DECISION_TOOLS`. */
export function answerIn(entry: Entry, block: JsonObject, tool: string | undefined): Said | undefined {
  const text = decisionIn(entry, block, tool);
  if (text === undefined) return undefined;
  return { is: 'said', kind: 'answer', origin: originByEntrypoint(entry), text, length: Buffer.byteLength(text), hasImage: false };
}

/** Words of the decision, which may be none; undefined: nobody decided anything. */
function decisionIn(entry: Entry, block: JsonObject, tool: string | undefined): string | undefined {
  const result = entry['toolUseResult'];
  const answers = isObject(result) ? objectOf(result, 'answers') : undefined;
  if (answers !== undefined) return wordsOfAnswers(answers);
  const content = wordsOf(block['content']).text;
  if (isRefusal(entry, block, content)) return FEEDBACK.exec(content.replace(HINT, ''))?.[1]?.trim() ?? '';
  const permission = objectOf(entry, 'permissionDecision');
  const decidedBy = permission === undefined ? undefined : textOf(permission, 'source');
  if (decidedBy?.startsWith('user') === true) return '';
  if (block['is_error'] === true || tool === undefined) return undefined;
  // A plan can also be let through by a setting.
  return tool === 'ExitPlanMode' && decidedBy !== undefined ? undefined : '';
}

function isRefusal(entry: Entry, block: JsonObject, content: string): boolean {
  if (entry['toolDenialKind'] === 'user-rejected' || entry['toolUseResult'] === 'User rejected tool use') return true;
  return block['is_error'] === true && content.startsWith(REFUSAL);
}

function wordsOfAnswers(answers: JsonObject): string {
  return Object.values(answers).map(wordsOfAnswer).filter((text) => text !== '').join('\n');
}

function wordsOfAnswer(answer: JsonValue): string {
  if (typeof answer === 'string') return answer;
  return Array.isArray(answer) ? answer.filter((part) => typeof part === 'string').join(', ') : '';
}
