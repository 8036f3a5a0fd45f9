/** Checks whether a JSON Schema is in the subset of OpenAI's structured outputs. Pure. */

import { z } from "zod"
import type { JsonSchema } from "../call/tool-spec.ts"

const Node = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  $defs: z.record(z.string(), z.unknown()).optional(),
})

/** Keywords that a strict schema must not contain. (OpenAI: "Structured outputs: Supported schemas".) */
const UNSUPPORTED = [
  "allOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentRequired",
  "dependentSchemas",
  "patternProperties",
  "prefixItems",
]

/** Every object is closed and requires all of its properties; no unsupported keyword occurs. */
export function isStrictSchema(schema: unknown): boolean {
  const parsed = Node.safeParse(schema)
  if (!parsed.success) return false
  const node = parsed.data
  if (UNSUPPORTED.some((word) => word in node)) return false
  const { properties = {}, required = [], anyOf = [], $defs = {}, items } = node
  const isObject = [node.type].flat().includes("object") || node.properties !== undefined
  if (isObject) {
    if (node.additionalProperties !== false) return false
    if (!Object.keys(properties).every((name) => required.includes(name))) return false
  }
  const parts = [...Object.values(properties), ...anyOf, ...Object.values($defs)]
  return [...parts, ...(items === undefined ? [] : [items])].every(isStrictSchema)
}

/** An object with the properties that the schema requires, all empty: the answer of the built-in demo. */
export function emptyAnswer(schema: JsonSchema, fill: (name: string) => string | undefined): unknown {
  return emptyValue(schema, "", fill, 0)
}

const Value = Node.extend({
  default: z.unknown().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  minimum: z.number().optional(),
})

function emptyValue(
  schema: unknown,
  name: string,
  fill: (name: string) => string | undefined,
  depth: number,
): unknown {
  const parsed = Value.safeParse(schema)
  if (!parsed.success || depth > 16) return null
  const { default: given, const: only, enum: choices, anyOf, properties = {}, minimum = 0 } = parsed.data
  const types = [parsed.data.type].flat()
  if (given !== undefined) return given
  if (only !== undefined) return only
  if (choices) return choices.includes(null) ? null : (choices[0] ?? null)
  const [type] = types
  if (types.includes("null") && !(type === "string" && fill(name))) return null
  if (anyOf) return emptyValue(anyOf.find(isNull) ?? anyOf[0], name, fill, depth + 1)
  switch (type ?? (parsed.data.properties ? "object" : "string")) {
    case "object":
      return Object.fromEntries(
        Object.entries(properties).map(([key, part]) => [key, emptyValue(part, key, fill, depth + 1)]),
      )
    case "array":
      return []
    case "boolean":
      return false
    case "number":
    case "integer":
      return Math.max(0, minimum)
    default:
      return fill(name) ?? ""
  }
}

function isNull(schema: unknown): boolean {
  return Node.safeParse(schema).data?.type === "null"
}
