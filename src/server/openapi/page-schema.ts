/** Shows JSON Schemas as HTML: the type of a value in words, and its fields as a list. */

import { html } from "hono/html"
import type { SchemaObject } from "./document-types.ts"

/** Escaped HTML, as `hono/html` makes it. */
export type Html = ReturnType<typeof html>

/** Nested objects deeper than this are shown by their type only. */
const MAX_DEPTH = 4

/** The fields of an object, also inside arrays and alternatives; empty for a schema without fields. */
export function fieldList(schema: SchemaObject, depth = 0): Html | "" {
  if (depth > MAX_DEPTH) return ""
  const nested = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"]), ...listOf([schema["items"]])]
  const properties = Object.entries(objectOf(schema["properties"])).map(
    ([name, property]) => [name, objectOf(property)] as const,
  )
  if (properties.length === 0) return html`${nested.map((part) => fieldList(part, depth + 1))}`
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : [])
  return html`<dl>
    ${properties.map(
      ([name, property]) =>
        html`<dt>
            <code>${name}</code>
            <span class="quiet">${typeOf(property)}${required.has(name) ? ", required" : ""}</span>
          </dt>
          <dd>${noteOf(property)}${fieldList(property, depth + 1)}</dd>`,
    )}
  </dl>`
}

/** The type of a value, such as `"json" | "text"` or `array of Call`. */
export function typeOf(schema: SchemaObject): Html {
  const { $ref, type, format, items } = schema
  const alternatives = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])]
  if (typeof $ref === "string") {
    const name = $ref.slice($ref.lastIndexOf("/") + 1)
    return html`<a href="#schema-${name}">${name}</a>`
  }
  if (alternatives.length > 0) return html`${joined(alternatives.map(typeOf), " or ")}`
  if (Array.isArray(schema["enum"]))
    return html`${schema["enum"].map((value) => JSON.stringify(value)).join(" | ")}`
  if ("const" in schema) return html`${JSON.stringify(schema["const"])}`
  if (type === "array") return html`array of ${typeOf(objectOf(items))}`
  if (typeof type !== "string") return html`any JSON`
  return html`${type}${typeof format === "string" ? ` (${format})` : ""}`
}

/** Description, default and limits of a value. */
export function noteOf(schema: SchemaObject): Html {
  const { description } = schema
  const words = [typeof description === "string" ? description : "", limitsOf(schema)].filter(Boolean)
  return prose(words.join(". "))
}

function limitsOf(schema: SchemaObject): string {
  const texts = [
    ["default", "Default"],
    ["minLength", "Shortest"],
    ["maxLength", "Longest"],
    ["minimum", "Least"],
    ["maximum", "Most"],
    ["maxItems", "Most items"],
    ["pattern", "Pattern"],
  ].flatMap(([key = "", label]) => {
    const value = schema[key]
    // zod limits every integer to those that a double can hold.
    if (value === undefined || Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) return []
    return [`${label} ${typeof value === "string" ? value : JSON.stringify(value)}`]
  })
  return texts.join(", ")
}

/** Text of the description; text between backticks is code. */
export function prose(text: string): Html {
  return html`${text.split("`").map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))}`
}

export function objectOf(value: unknown): SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}
}

function listOf(value: unknown): SchemaObject[] {
  return Array.isArray(value) ? value.filter((part) => part !== undefined).map(objectOf) : []
}

function joined(parts: readonly Html[], separator: string): (Html | string)[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]))
}
