/** The schema of a tool manifest: `{"tools": […]}` with names of built-in tools, and function tools in either of OpenAI's two shapes. */

import { z } from "zod"
import { BUILT_IN_SPECS } from "./built-in-specs.ts"
import { HttpToolSpec } from "../call/http-tool-spec.ts"
import { schemaFaults } from "../call/tool-schema.ts"
import type { ToolSpec } from "../call/tool-spec.ts"
import { PARSED_ONCE } from "../lib/parsed-once.ts"

const parameters = z
  .looseObject({ type: z.literal("object") })
  .default({ type: "object", properties: {}, additionalProperties: false })

const spec = {
  /** (OpenAI: "Function calling".) */
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -"),
  description: z.string().default(""),
  parameters,
  strict: z.boolean().nullish(),
}

type Spec = { parameters: object; strict?: boolean | null | undefined }

function checkSchema({ value: { parameters: schema, strict }, issues }: z.core.ParsePayload<Spec>): void {
  for (const { path, message } of schemaFaults(schema, { strict: strict === true })) {
    issues.push({ code: "custom", path: ["parameters", ...path], message, input: schema })
  }
}

/** The shape of the Responses API. */
const flat = z.looseObject({ type: z.literal("function").optional(), ...spec }).check(checkSchema)
/** The shape of Chat Completions. */
const nested = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject(spec).check(checkSchema),
})
/** In addition to either shape: the service that runs the tool. */
const service = z.looseObject({
  http: HttpToolSpec.refine(({ url }) => /^(?:https?:\/\/|\$\{)/i.test(url), {
    path: ["url"],
    // A secret may name the host.
    error: "must begin with http:// or https://",
  }).optional(),
})

const tool = z.unknown().transform((value, ctx): ToolSpec => {
  // An unknown name is reported with the others, below.
  if (typeof value === "string") {
    return BUILT_IN_SPECS.get(value) ?? { name: value, description: "", parameters: { type: "object" } }
  }
  const isNested = typeof value === "object" && value !== null && "function" in value
  const parsed = isNested
    ? nested.transform((given) => given.function).safeParse(value, PARSED_ONCE)
    : flat.safeParse(value, PARSED_ONCE)
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues)
      ctx.issues.push({ code: "custom", path, message, input: value })
    return z.NEVER
  }
  const served = service.safeParse(value, PARSED_ONCE)
  if (!served.success) {
    for (const { path, message } of served.error.issues)
      ctx.issues.push({ code: "custom", path, message, input: value })
    return z.NEVER
  }
  const { name, description, parameters: schema, strict } = parsed.data
  const { http } = served.data
  return {
    name,
    description,
    parameters: schema,
    ...(strict == null ? {} : { strict }),
    ...(http ? { http } : {}),
  }
})

/** The manifest, its tools in the flat shape. Refuses a tool that is neither built in nor has a service, and lists the built-in ones. */
export function manifestSchema(knownTools: readonly string[]) {
  const known = z.strictObject({ tools: z.array(tool).max(128) })
  return known.transform(({ tools }, ctx) => {
    const seen = new Set<string>()
    for (const [index, { name, http }] of tools.entries()) {
      const fault = (message: string) =>
        ctx.issues.push({ code: "custom", path: ["tools", index, "name"], message, input: name })
      if (seen.has(name)) fault(`the tool ${name} appears twice`)
      if (http && knownTools.includes(name))
        fault(`the tool ${name} is built in and must not have an address`)
      if (!http && !knownTools.includes(name)) {
        fault(`there is no tool ${name}; there are ${knownTools.toSorted().join(", ") || "none"}`)
      }
      seen.add(name)
    }
    return tools
  })
}
