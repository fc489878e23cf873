import { describe, expect, it } from 'vitest';
import { createClaudeCodeSource } from '../../../agent/claude/source.ts';
import { FULL_TEXTS, MACHINE } from '../../support/extraction.ts';

describe('the paths of Claude Code', () => {
  const source = createClaudeCodeSource({
    configDirs: ['/home/a/.claude', '/srv/logs/projects'], machineId: MACHINE, texts: FULL_TEXTS,
  });

  it.each([
    '/home/a/.claude/projects/-w/s.jsonl', '/srv/logs/projects/-w/s.jsonl', '/home/a/.claude/projects/-w/s/subagents/agent-1.jsonl',
    '/home/a/.claude/projects/-w/s/subagents/deep/agent-1.jsonl', '/home/a/.claude/projects/.w/s.jsonl',
    '/home/a/.claude/projects//-w/./s.jsonl', '/home/a/.claude/projects/x/../-w/s.jsonl',
  ])('matches %s', (path) => {
    expect(source.matches(path)).toBe(true);
  });

  it.each([
    '/home/a/.claude/projects/s.jsonl', '/home/a/.claude/projects/-w/.s.jsonl', '/home/a/.claude/projects/-w/journal.jsonl',
    '/home/a/.claude/projects/-w/s/agent-1.jsonl', '/home/a/.claude/projects/-w/s/subagents/s.jsonl', '/home/a/.claude/projectsx/-w/s.jsonl',
    '/home/a/.claude/projects/../-w/s.jsonl', '/home/a/.claude/projects', '/home/b/-w/s.jsonl', '/home/a/.claude/projects/-w/s.json',
  ])('does not match %s', (path) => {
    expect(source.matches(path)).toBe(false);
  });
});
