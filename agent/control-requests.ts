/** What the control socket is asked. */
import * as z from 'zod';

/** `POST /forget`. */
export const forgetRequestSchema = z.object({ path: z.string().min(1) });
