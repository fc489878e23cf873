/** JSON shape of `/api/v1/numbers` and of the live stream's `numbers`: today beside yesterday. Unknown is null, never zero. */
import * as z from 'zod';
import { completenessSchema, reportTotalsSchema } from './report-documents.ts';
import { spentSchema } from './session-documents.ts';

export const NUMBERS_SCHEMA = 1;

export const dayNumbersSchema = z.object({
  /** Of the zone. */
  date: z.string(),
  /** As in `tt report --day`. */
  totals: reportTotalsSchema,
  /** As the total of `tt usage` over the same day. */
  spent: spentSchema,
  completeness: completenessSchema,
});
export type DayNumbers = z.infer<typeof dayNumbersSchema>;

export const numbersDocumentSchema = z.object({
  schema: z.literal(NUMBERS_SCHEMA),
  timezone: z.string(),
  today: dayNumbersSchema,
  /** The whole day before. */
  yesterday: dayNumbersSchema,
});
export type NumbersDocument = z.infer<typeof numbersDocumentSchema>;
