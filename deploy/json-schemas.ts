// JSON Schemas of the shapes that others rely on, out of the schemas the programs themselves use.
// `npx tsx deploy/json-schemas.ts` writes them to docs/schemas; a test says when they are stale.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toJSONSchema } from 'zod';
import { assignmentDocumentSchema } from '../collector/streams/document.ts';
import { archiveStatusSchema, machineArchiveSchema } from '../shared/archive-document.ts';
import { configSchema } from '../shared/config.ts';
import { doctorSchema } from '../shared/doctor/check.ts';
import { machineDocumentSchema } from '../shared/machine-document.ts';
import { explanationDocumentSchema, reportDocumentSchema } from '../shared/report-documents.ts';
import { searchSchema } from '../shared/search-document.ts';
import { sessionDetailSchema, sessionsDocumentSchema, waitingDocumentSchema } from '../shared/session-documents.ts';
import { agentStatusSchema, collectorStatusSchema, machineAddedSchema } from '../shared/status.ts';
import { stepDocumentSchema } from '../shared/step-document.ts';
import { storeDocumentSchema } from '../shared/store-document.ts';
import { throughputDocumentSchema } from '../shared/throughput-document.ts';
import { timelineDocumentSchema } from '../shared/timeline-document.ts';
import { syncDocumentSchema, syncEveryDocumentSchema } from '../shared/sync-document.ts';
import { appliedDocumentSchema, changedStreamsSchema, classificationSchema, contextSchema, streamListSchema } from '../shared/stream-documents.ts';
import { transcriptItemDocumentSchema, transcriptPageSchema, transcriptSchema } from '../shared/transcript-document.ts';
import { usageDocumentSchema } from '../shared/usage-documents.ts';

const shapes = {
  'collector-status': { title: 'tt status --json', schema: collectorStatusSchema },
  'agent-status': { title: 'tt-agent status --json', schema: agentStatusSchema },
  'machine-added': { title: 'tt machines add LABEL --json', schema: machineAddedSchema },
  sessions: { title: 'tt sessions --json', schema: sessionsDocumentSchema },
  session: { title: 'tt sessions show ID --json', schema: sessionDetailSchema },
  transcript: { title: 'tt sessions show ID --transcript --json', schema: transcriptSchema },
  search: { title: 'tt search WORDS --json, /api/v1/search', schema: searchSchema },
  archive: { title: 'tt archive status --json', schema: archiveStatusSchema },
  waiting: { title: 'tt waiting --json', schema: waitingDocumentSchema },
  usage: { title: 'tt usage --json', schema: usageDocumentSchema },
  streams: { title: 'tt streams --json', schema: streamListSchema },
  'streams-changed': { title: 'tt streams create NAME --json', schema: changedStreamsSchema },
  context: { title: 'tt context', schema: contextSchema },
  classification: { title: 'tt classify --json', schema: classificationSchema },
  assignments: { title: 'the document of tt classify --apply', schema: assignmentDocumentSchema },
  'assignments-applied': { title: 'tt classify --apply FILE --json', schema: appliedDocumentSchema },
  report: { title: 'tt report --json', schema: reportDocumentSchema },
  'report-explained': { title: 'tt report --explain --json', schema: explanationDocumentSchema },
  'transcript-page': { title: '/api/v1/sessions/ID/transcript', schema: transcriptPageSchema },
  'transcript-item': { title: '/api/v1/sessions/ID/transcript/NUMBER', schema: transcriptItemDocumentSchema },
  'machine-archive': { title: '/api/v1/machines/LABEL/archive', schema: machineArchiveSchema },
  'machine-page': { title: '/api/v1/machines/LABEL', schema: machineDocumentSchema },
  timeline: { title: '/api/v1/timeline', schema: timelineDocumentSchema },
  throughput: { title: '/api/v1/throughput', schema: throughputDocumentSchema },
  store: { title: '/api/v1/store', schema: storeDocumentSchema },
  sync: { title: 'tt sync --json', schema: syncDocumentSchema },
  'sync-every': { title: 'tt sync --every --json', schema: syncEveryDocumentSchema },
  'sessions-sync': { title: 'tt sessions sync --json', schema: stepDocumentSchema },
  doctor: { title: 'tt doctor --json, tt-agent doctor --json', schema: doctorSchema },
  config: { title: 'config.toml', schema: configSchema },
} as const;

/** File name in docs/schemas → content. As input: unknown keys of a newer version are allowed. */
export function renderSchemas(): Map<string, string> {
  return new Map(Object.entries(shapes).map(([name, { title, schema }]) => {
    const { $schema, ...rest } = toJSONSchema(schema, { io: 'input', override: ({ zodSchema, jsonSchema }) => {
      // One rule may stand alone.
      if (zodSchema === configSchema.shape.sync) Object.assign(jsonSchema, { anyOf: [{ type: 'array', items: jsonSchema.items }, jsonSchema.items], type: undefined, items: undefined });
    } });
    return [`${name}.schema.json`, `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`];
  }));
}

const [, program, folder = 'docs/schemas'] = process.argv;
if (program?.endsWith('json-schemas.ts')) {
  for (const [file, content] of renderSchemas()) writeFileSync(join(folder, file), content);
}
