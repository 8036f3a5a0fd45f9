/** Free fields of a call or a conversation. */

import { z } from "zod"

/** Twilio accepts parameters as text, so numbers and booleans are converted to text. */
export const ParametersField = z
  .record(
    z.string().min(1).max(64),
    z.union([z.string().max(4000), z.number(), z.boolean()]).transform((value) => String(value)),
  )
  .refine((given) => Object.keys(given).length <= 100, "must have at most 100 fields")
  .default({})
