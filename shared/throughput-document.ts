/** JSON shapes of `/api/v1/throughput` and of the live stream's `rate`: what came in, counted by the running collector. */
import * as z from 'zod';

export const THROUGHPUT_SCHEMA = 1;
/** Seconds in a `rate`. */
export const RATE_SECONDS = 60;

const countsShape = {
  stored: z.number(),
  /** Sent again, or said by another file too: normal. */
  duplicate: z.number(),
  refused: z.number(),
};
export const countsSchema = z.object(countsShape);
export type Counts = z.infer<typeof countsSchema>;

export const rateSchema = z.object({
  schema: z.literal(THROUGHPUT_SCHEMA),
  /** Of the last of `stored`, in seconds since the epoch; that second may still go on. */
  second: z.number(),
  /** Events stored in each second, oldest first. */
  stored: z.array(z.number()),
});
export type Rate = z.infer<typeof rateSchema>;

export const machineThroughputSchema = z.object({
  machine: z.string(),
  machine_id: z.string(),
  ...countsShape,
  /** Hours in which something came, oldest first. */
  hours: z.array(z.object({ from: z.string(), ...countsShape })),
});
export type MachineThroughput = z.infer<typeof machineThroughputSchema>;

export const throughputDocumentSchema = z.object({
  schema: z.literal(THROUGHPUT_SCHEMA),
  /** Counted from here on: the present and the 23 hours before it, or the start of the collector. */
  since: z.string(),
  as_of: z.string(),
  /** Of enrolled machines, by label. */
  machines: z.array(machineThroughputSchema),
});
export type ThroughputDocument = z.infer<typeof throughputDocumentSchema>;
