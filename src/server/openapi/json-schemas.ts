/** Turns zod schemas into the JSON Schemas of an OpenAPI document. */

import { z } from "zod"
import type { SchemaObject } from "./document-types.ts"

/** Collects the named schemas of one document while it converts. */
export class JsonSchemas {
  readonly #named = new Map<string, SchemaObject>()

  /** A schema as JSON Schema. Named schemas, also nested ones, become a reference to a component. */
  convert(schema: z.core.$ZodType): SchemaObject {
    // As part of another schema a named schema becomes a reference as well.
    const { properties, $defs } = z.toJSONSchema(z.object({ it: schema }), {
      io: "input",
      unrepresentable: "any",
    })
    for (const [name, definition] of Object.entries($defs ?? {})) {
      this.#named.set(name, componentSchema(definition))
    }
    return componentSchema(properties?.["it"])
  }

  /** The named schemas that were met, by name. */
  components(): Record<string, SchemaObject> {
    return Object.fromEntries([...this.#named].toSorted(([a], [b]) => a.localeCompare(b)))
  }
}

/** The examples of a schema, as they are sent. */
export function examplesOf(schema: z.ZodType): readonly unknown[] {
  const examples = schema.meta()?.["examples"]
  return Array.isArray(examples) ? examples : []
}

/** zod points to `#/$defs` and repeats the name as `id`; OpenAPI has `#/components/schemas`. */
function componentSchema(schema: unknown): SchemaObject {
  const json: Record<string, unknown> = JSON.parse(
    JSON.stringify(schema ?? {}).replaceAll('"#/$defs/', '"#/components/schemas/'),
  )
  const { id: _, ...rest } = json
  return rest
}
