import { describe, expect, test } from "bun:test"
import { schemaFaults } from "../../src/call/tool-schema.ts"

function faults(schema: object, strict = false): string[] {
  return schemaFaults(schema, { strict }).map(
    ({ path, message }) => `${path.map(String).join(".")}: ${message}`,
  )
}

const TYPES = "must be one of object, array, string, number, integer, boolean, null, or a list of them"

describe("a schema that a model can be given", () => {
  test.each([
    ["empty", { type: "object" }],
    ["nested", { type: "object", properties: { a: { type: "array", items: { type: ["string", "null"] } } } }],
    [
      "with a reference",
      { type: "object", properties: { a: { $ref: "#/$defs/a~1b" } }, $defs: { "a/b": true } },
    ],
    ["with alternatives", { type: "object", properties: { a: { anyOf: [{ const: 1 }, { enum: ["x"] }] } } }],
  ])("%s", (_, schema) => expect(faults(schema)).toEqual([]))
})

describe("what the API would refuse", () => {
  const of = (a: unknown) => ({ type: "object", properties: { a } })
  test.each([
    ["an unknown type", of({ type: "text" }), `properties.a.type: ${TYPES}`],
    [
      "a list without items",
      of({ type: "array" }),
      'properties.a: must have "items", because its type is array',
    ],
    ["no schema at all", of("string"), "properties.a: must be a JSON Schema: an object, true or false"],
    [
      "properties as a list",
      { type: "object", properties: [] },
      "properties: must be an object of JSON Schemas by name",
    ],
    [
      "required as a flag",
      { ...of({ required: true }) },
      "properties.a.required: must be a list of names of properties",
    ],
    [
      "an unknown name in required",
      { ...of({}), required: ["b"] },
      "required: names b, which is not among the properties",
    ],
    ["a name twice", { ...of({}), required: ["a", "a"] }, "required: must name each property once"],
    ["an empty choice", of({ enum: [] }), "properties.a.enum: must be a list of at least one value"],
    [
      "an empty list of alternatives",
      of({ anyOf: [] }),
      "properties.a.anyOf: must be a list of JSON Schemas",
    ],
    [
      "a fault deep inside",
      of({ type: "array", items: { type: "str" } }),
      `properties.a.items.type: ${TYPES}`,
    ],
    [
      "a reference that leads nowhere",
      of({ $ref: "#/$defs/b" }),
      "properties.a.$ref: must point to a part of the same schema, such as #/$defs/address",
    ],
  ])("%s", (_, schema, fault) => expect(faults(schema)).toEqual([fault]))

  test("a tool that is strict must close its objects and require every property", () => {
    const inner = { type: "object", properties: { b: {} }, required: ["b"] }
    const schema = {
      type: "object",
      properties: { a: inner, c: { oneOf: [{}] } },
      required: ["a"],
      additionalProperties: false,
    }
    expect(faults(schema, true)).toEqual([
      "required: must name c, because the tool is strict",
      "properties.a.additionalProperties: must be false, because the tool is strict",
      "properties.c.oneOf: cannot be used with strict",
    ])
    expect(faults(schema)).toEqual([])
  })

  test("a schema that contains itself over and over is cut", () => {
    let schema: object = { type: "object" }
    for (let depth = 0; depth < 100; depth++) schema = { type: "object", properties: { a: schema } }
    expect(faults(schema)).toEqual([expect.stringContaining("must not be deeper than 32 levels")])
  })
})
