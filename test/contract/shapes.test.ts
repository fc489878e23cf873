import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openIdentity, readIdentity } from '../../agent/identity.ts';
import { assignmentDocumentSchema } from '../../collector/streams/document.ts';
import { renderSchemas } from '../../deploy/json-schemas.ts';
import { configSchema } from '../../shared/config.ts';
import { doctorSchema } from '../../shared/doctor/check.ts';
import { isLabel, parseMachineId } from '../../shared/ids.ts';
import { machineDocumentSchema } from '../../shared/machine-document.ts';
import { sessionDetailSchema, sessionsDocumentSchema, waitingDocumentSchema } from '../../shared/session-documents.ts';
import { agentStatusSchema, collectorStatusSchema, machineAddedSchema } from '../../shared/status.ts';
import { explanationDocumentSchema, reportDocumentSchema } from '../../shared/report-documents.ts';
import { storeDocumentSchema } from '../../shared/store-document.ts';
import { throughputDocumentSchema } from '../../shared/throughput-document.ts';
import { timelineDocumentSchema } from '../../shared/timeline-document.ts';
import { appliedDocumentSchema, changedStreamsSchema, classificationSchema, contextSchema, streamListSchema } from '../../shared/stream-documents.ts';
import { stepDocumentSchema } from '../../shared/step-document.ts';
import { syncDocumentSchema, syncEveryDocumentSchema } from '../../shared/sync-document.ts';
import { usageDocumentSchema } from '../../shared/usage-documents.ts';
import { sample, sampleText } from './samples.ts';

const SHAPES = [
  ['collector-status', collectorStatusSchema], ['agent-status', agentStatusSchema],
  ['agent-status.stopped', agentStatusSchema], ['machine-added', machineAddedSchema],
  ['sessions', sessionsDocumentSchema], ['session', sessionDetailSchema], ['waiting', waitingDocumentSchema], ['usage', usageDocumentSchema],
  ['streams', streamListSchema], ['streams-changed', changedStreamsSchema], ['classification', classificationSchema], ['assignments-applied', appliedDocumentSchema],
  ['doctor', doctorSchema], ['doctor.probe', doctorSchema], ['sync', syncDocumentSchema], ['sync-every', syncEveryDocumentSchema], ['sessions-sync', stepDocumentSchema],
  ['report', reportDocumentSchema], ['report-explained', explanationDocumentSchema],
  ['machine-page', machineDocumentSchema], ['timeline', timelineDocumentSchema], ['throughput', throughputDocumentSchema], ['store', storeDocumentSchema],
] as const;

describe.each(SHAPES)('%s', (name, schema) => {
  const value = sample<Record<string, unknown>>(name);

  it('is still understood, and has no key that the schema does not know', () => {
    expect(schema.parse(value)).toEqual(value);
  });

  it('may have keys of a newer version', () => {
    expect(schema.safeParse({ ...value, a_new_key: 1 }).success).toBe(true);
  });

  it.each(Object.keys(value))('must have %s', (key) => {
    const { [key]: _dropped, ...rest } = value;
    expect(schema.safeParse(rest).success).toBe(false);
  });
});

describe.each([['context', contextSchema], ['assignments', assignmentDocumentSchema]] as const)('%s', (name, schema) => {
  it('is still understood, and has no key that the schema does not know', () => {
    const value = sample<Record<string, unknown>>(name);
    expect(schema.parse(value)).toEqual(value);
  });

  it.each(Object.keys(sample<Record<string, unknown>>(name)).filter((key) => key !== 'schema' && key !== 'time_range'))('may be without %s', (key) => {
    const { [key]: _dropped, ...rest } = sample<Record<string, unknown>>(name);
    expect(schema.safeParse(rest).success).toBe(true);
  });
});

describe('the status of a collector', () => {
  it('has for each machine what others rely on', () => {
    const [machine] = collectorStatusSchema.parse(sample('collector-status')).machines;
    expect(Object.keys(machine ?? {})).toEqual([
      'machine_id', 'label', 'state', 'connected', 'last_event_at', 'lag_ms', 'backlog_bytes', 'backlog_events', 'drained_at',
      'complete_until', 'events_today', 'refused', 'gaps', 'clock_offset_ms', 'version',
      'ended_at', 'gap_bytes', 'gap_reasons', 'refused_lately',
    ]);
  });
});

describe('machine.json', () => {
  it('is the earlier tool’s: two keys, two spaces, no newline at the end', () => {
    const value = sample<{ machine_id: string; label: string }>('machine');
    expect(Object.keys(value)).toEqual(['machine_id', 'label']);
    expect(sampleText('machine')).toBe(JSON.stringify(value, null, 2));
    expect(parseMachineId(value.machine_id)).toBeDefined();
    expect(isLabel(value.label)).toBe(true);
  });

  it('is read by the agent, and written back the same when only the label changes and changes back', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tt-machine-'));
    try {
      const file = join(directory, 'machine.json');
      writeFileSync(file, sampleText('machine'));
      const { machine_id, label } = sample<{ machine_id: string; label: string }>('machine');
      expect(readIdentity(file)).toEqual({ machineId: machine_id, label });
      openIdentity(file, 'other', 'unused');
      expect(readFileSync(file, 'utf8')).not.toBe(sampleText('machine'));
      openIdentity(file, label, 'unused');
      expect(readFileSync(file, 'utf8')).toBe(sampleText('machine'));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('the configuration', () => {
  it('has these keys and these variables', () => {
    const keys = sample<Record<string, string>>('config-keys');
    expect(Object.keys(configSchema.shape)).toEqual(Object.keys(keys));
    expect(Object.values(keys)).toEqual(Object.keys(keys).map((key) => `TT_${key.toUpperCase()}`));
  });
});

describe('docs/schemas', () => {
  const folder = new URL('../../docs/schemas/', import.meta.url);

  it.each([...renderSchemas()])('has a current %s (else: npx tsx deploy/json-schemas.ts)', (file, content) => {
    expect(readFileSync(new URL(file, folder), 'utf8')).toBe(content);
  });

  it('has nothing else', () => {
    expect(readdirSync(folder).toSorted()).toEqual([...renderSchemas().keys()].toSorted());
  });
});
