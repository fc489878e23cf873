/** A session's file as a conversation: each thing once, tools with what they gave. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { eachLine } from '../../shared/session-file/file-lines.ts';
import type { TranscriptItem } from '../../shared/transcript-document.ts';
import { createConversation, toResult, toTranscriptItem, type ConversationFacts, type Said, type ToolItem } from './conversation.ts';

export interface Transcript extends ConversationFacts {
  items: TranscriptItem[];
}

const SHOWN_CHARACTERS = 10_000;

export function readTranscript(file: string): Transcript {
  const fd = openSync(file, 'r');
  try {
    const conversation = createConversation();
    const items: TranscriptItem[] = [];
    const tools = new Map<string, ToolItem>();
    eachLine(fd, { from: 0, until: fstatSync(fd).size }, (line) => {
      const said = conversation.take(line);
      if (said) addItems(said, items, tools);
    });
    return { ...conversation.facts(), items };
  } finally {
    closeSync(fd);
  }
}

function addItems(said: Said, items: TranscriptItem[], tools: Map<string, ToolItem>): void {
  for (const item of said.items) {
    if (item.kind === 'tool_result') {
      const tool = tools.get(item.toolId);
      if (tool) tool.result ??= toResult(item, SHOWN_CHARACTERS);
      continue;
    }
    const shown = toTranscriptItem(item, said);
    if (item.kind === 'tool_use' && shown.kind === 'tool') tools.set(item.toolId, shown);
    items.push(shown);
  }
}
