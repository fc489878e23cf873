import { describe, expect, it } from 'vitest';
import { createLog, silentLog } from '../../shared/log.ts';

function written(level: 'debug' | 'info' | 'warn' | 'silent'): Record<string, unknown>[] {
  const lines: string[] = [];
  const log = createLog(level, { write: (line) => void lines.push(line) }, { program: 'tt' });
  log.debug({ a: 1 }, 'd');
  log.info({ a: 2 }, 'i');
  log.warn({ a: 3, error: new Error('x').message }, 'w');
  log.error({ a: 4 }, 'e');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log', () => {
  it('is one JSON object a line, with level, time, message and fields', () => {
    const [, info] = written('debug');
    expect(info).toMatchObject({ level: 'info', program: 'tt', a: 2, msg: 'i' });
    expect(String(info?.['time'])).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
  });

  it.each([['debug', 4], ['info', 3], ['warn', 2], ['silent', 0]] as const)('of level %s has %d of four', (level, count) => {
    expect(written(level)).toHaveLength(count);
  });

  it('may be silent', () => {
    expect(silentLog.error({}, 'x')).toBeUndefined();
  });
});
