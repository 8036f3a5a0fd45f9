/** Whether a model can be given a JSON Schema for the arguments of a tool. Pure. */

export type SchemaFault = { path: PropertyKey[]; message: string }

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"]
/** Keywords that hold one schema, a list of schemas, or schemas by name. */
const ONE = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"]
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"]
const MAPS = ["properties", "$defs", "definitions", "patternProperties", "dependentSchemas"]
/** Refused beside `strict`. (OpenAI: "Structured outputs: Supported schemas".) */
const NOT_STRICT = [
  "allOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "patternProperties",
  "prefixItems",
  "dependentSchemas",
]
const MAX_DEPTH = 32
const MAX_FAULTS = 20

/**
 * What OpenAI and servers like it would refuse: the request with such a tool fails, and with it every answer of the agent.
 * With `strict`, also what strict tools must have. (OpenAI: "Function calling", "Structured outputs".)
 */
export function schemaFaults(schema: object, { strict }: { strict: boolean }): SchemaFault[] {
  const faults: SchemaFault[] = []
  const root = { ...schema }
  walk(root, [], 0)
  return faults.slice(0, MAX_FAULTS)

  function fault(path: PropertyKey[], message: string): void {
    faults.push({ path, message })
  }

  function walk(node: unknown, path: PropertyKey[], depth: number): void {
    if (typeof node === "boolean") return
    if (!isObject(node)) return fault(path, "must be a JSON Schema: an object, true or false")
    if (depth > MAX_DEPTH) return fault(path, `must not be deeper than ${MAX_DEPTH} levels`)
    const types = typesOf(node, path)
    if (types.includes("array") && !("items" in node) && !("prefixItems" in node)) {
      fault(path, 'must have "items", because its type is array')
    }
    checkRequired(node, path)
    checkEnum(node, path)
    checkReference(node, path)
    if (strict) checkStrict(node, types, path)
    for (const key of ONE) if (key in node) walk(node[key], [...path, key], depth + 1)
    for (const key of LISTS) {
      const list = node[key]
      if (list === undefined) continue
      if (!Array.isArray(list) || list.length === 0) fault([...path, key], "must be a list of JSON Schemas")
      else for (const [index, part] of list.entries()) walk(part, [...path, key, index], depth + 1)
    }
    for (const key of MAPS) {
      const map = node[key]
      if (map === undefined) continue
      if (!isObject(map)) fault([...path, key], "must be an object of JSON Schemas by name")
      else for (const [name, part] of Object.entries(map)) walk(part, [...path, key, name], depth + 1)
    }
  }

  function typesOf(node: Node, path: PropertyKey[]): unknown[] {
    if (!("type" in node)) return []
    const types: unknown[] = Array.isArray(node["type"]) ? node["type"] : [node["type"]]
    const known = types.length > 0 && types.every((type) => typeof type === "string" && TYPES.includes(type))
    if (!known) fault([...path, "type"], `must be one of ${TYPES.join(", ")}, or a list of them`)
    return types
  }

  function checkRequired(node: Node, path: PropertyKey[]): void {
    const { required, properties } = node
    if (required === undefined) return
    const at = [...path, "required"]
    if (!Array.isArray(required) || !required.every((name) => typeof name === "string")) {
      return fault(at, "must be a list of names of properties")
    }
    if (new Set(required).size < required.length) fault(at, "must name each property once")
    if (!isObject(properties)) return
    for (const name of required) {
      if (!Object.hasOwn(properties, name)) fault(at, `names ${name}, which is not among the properties`)
    }
  }

  function checkEnum(node: Node, path: PropertyKey[]): void {
    const { enum: choices } = node
    if (choices !== undefined && (!Array.isArray(choices) || choices.length === 0)) {
      fault([...path, "enum"], "must be a list of at least one value")
    }
  }

  function checkReference(node: Node, path: PropertyKey[]): void {
    const { $ref: reference } = node
    if (reference === undefined) return
    const found = typeof reference === "string" && reference.startsWith("#") && resolve(root, reference)
    if (!found) fault([...path, "$ref"], "must point to a part of the same schema, such as #/$defs/address")
  }

  function checkStrict(node: Node, types: readonly unknown[], path: PropertyKey[]): void {
    for (const key of NOT_STRICT) if (key in node) fault([...path, key], "cannot be used with strict")
    if (!types.includes("object") && !("properties" in node)) return
    if (node["additionalProperties"] !== false) {
      fault([...path, "additionalProperties"], "must be false, because the tool is strict")
    }
    const required: unknown[] = Array.isArray(node["required"]) ? node["required"] : []
    const names = isObject(node["properties"]) ? Object.keys(node["properties"]) : []
    for (const name of names.filter((property) => !required.includes(property))) {
      fault([...path, "required"], `must name ${name}, because the tool is strict`)
    }
  }
}

type Node = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Whether the JSON pointer after `#` leads somewhere. */
function resolve(root: unknown, reference: string): boolean {
  let node = root
  for (const step of reference.slice(1).split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~")
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, name)) return false
    node = Object.entries(node).find(([key]) => key === name)?.[1]
  }
  return true
}
