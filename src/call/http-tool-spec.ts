/** A tool that a manifest declares with an address: what is asked, how, and how long. */

import { z } from "zod"

const Method = z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"])

/** The `http` part of a tool in a manifest. Values may hold `${NAME}`, which stands for the secret `TOOL_SECRET_NAME`. */
export const HttpToolSpec = z
  .strictObject({
    /** `{argument}` in path or query is replaced by the argument, escaped; such arguments are not sent again. */
    url: z
      .string()
      .min(1)
      .max(2000)
      // Secrets may name a host, a model may not.
      .refine((url) => !/^[^/]*\/\/[^/?#]*(?<!\$)\{/.test(url), "must not have an argument in its host"),
    method: Method.default("POST"),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), z.string().max(2000)).default({}),
    /** Time limit of one attempt, in milliseconds. */
    timeoutMs: z.number().int().min(100).max(60_000).default(8000),
    /** Further attempts after a failure that may pass; only for requests that may be repeated. */
    retries: z.number().int().min(0).max(5).default(0),
    /** Fields that the program adds to the body or query, by name; a model can neither see nor change them. */
    facts: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.enum(["caller", "callSid"])).optional(),
    /** What the model reads in place of the response of a request that succeeded. */
    message: z.string().min(1).max(1000).optional(),
    /** Whether the same request twice has the effect of one. GET, PUT and DELETE are by their nature. */
    idempotent: z.boolean().optional(),
  })
  .refine(({ retries, method, idempotent }) => retries === 0 || (idempotent ?? isIdempotent(method)), {
    path: ["retries"],
    message: "needs idempotent: true for this method, because a repeated request could act twice",
  })
export type HttpToolSpec = z.output<typeof HttpToolSpec>

function isIdempotent(method: z.output<typeof Method>): boolean {
  return method === "GET" || method === "PUT" || method === "DELETE"
}
