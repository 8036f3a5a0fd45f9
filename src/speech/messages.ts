/** Schemas of a vendor's messages: those of a known type are checked, those of any other type are ignored. */

import { z } from "zod"

const Named = z.object({ type: z.string() })

/** A message that `schema` describes; one whose type is not in `types` becomes `{ type: "ignored" }`. */
export function ignoringOthers<M>(
  types: readonly string[],
  schema: z.ZodType<M>,
): z.ZodType<M | { type: "ignored" }> {
  const isOther = (value: unknown) => {
    const named = Named.safeParse(value)
    return named.success && !types.includes(named.data.type)
  }
  return z.preprocess(
    (value) => (isOther(value) ? { type: "ignored" } : value),
    z.union([schema, z.object({ type: z.literal("ignored") })]),
  )
}
