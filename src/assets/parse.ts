/** One JSON asset through its schema: its value, or every fault with line and field. */

import { z } from "zod"
import type { AssetFault } from "./asset-error.ts"
import { pathText, readJson } from "./json.ts"
import { PARSED_ONCE } from "../lib/parsed-once.ts"

export type Parsed<T> =
  | { ok: true; value: T; raw: unknown; lineOf: (path: readonly PropertyKey[]) => number }
  | { ok: false; faults: AssetFault[] }

/** `text` is the content of `file`. Keys given twice are faults too. */
export function parseJson<T>(file: string, text: string, schema: z.ZodType<T>): Parsed<T> {
  const document = readJson(text)
  if (!("lineOf" in document)) return { ok: false, faults: [{ file, ...document }] }
  const { value: raw, lineOf, repeated } = document
  const faults: AssetFault[] = repeated.map(({ path, line }) => ({
    file,
    line,
    path,
    message: "appears twice",
  }))
  const parsed = schema.safeParse(raw, PARSED_ONCE)
  for (const { path, message } of issuesOf(parsed.error)) {
    faults.push({ file, line: lineOf(path), path: pathText(path), message })
  }
  faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  return parsed.success && faults.length === 0
    ? { ok: true, value: parsed.data, raw, lineOf }
    : { ok: false, faults }
}

/** The positions of all faults that a schema found. */
export function issuesOf(error: z.ZodError | undefined): { path: PropertyKey[]; message: string }[] {
  return (error?.issues ?? []).flatMap(spread)
}

type Position = { path: PropertyKey[]; message: string }

/** The positions of an issue: each unknown key, and of several alternatives the one that was meant. */
function spread(issue: z.core.$ZodIssue): Position[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: "is not a known field" }))
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) => ({ path: issue.path, message: `as a key: ${message}` }))
  }
  if (issue.code === "invalid_union") {
    const [meant] = issue.errors
      .filter((issues) => !isOfAnotherType(issues))
      .toSorted((one, other) => one.length - other.length)
    if (meant)
      return meant.flatMap(spread).map(({ path, message }) => ({ path: [...issue.path, ...path], message }))
    const types = [...new Set(typesOf(issue.errors))]
    const message = types.length === 0 ? issue.message : `must be ${types.join(" or ")}`
    return [{ path: [...issue.path], message }]
  }
  return [{ path: [...issue.path], message: issue.message }]
}

/** Whether an alternative does not even have the type of the value. */
function isOfAnotherType(issues: readonly z.core.$ZodIssue[]): boolean {
  return issues.some(
    (issue) =>
      issue.path.length === 0 &&
      (issue.code === "invalid_type" ||
        (issue.code === "invalid_union" && issue.errors.length > 0 && issue.errors.every(isOfAnotherType))),
  )
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
}

/** The types of all alternatives, in words. */
function typesOf(alternatives: readonly (readonly z.core.$ZodIssue[])[]): string[] {
  return alternatives.flat().flatMap((issue) => {
    if (issue.code === "invalid_union") return typesOf(issue.errors)
    if (issue.code !== "invalid_type") return []
    return [TYPES[issue.expected] ?? issue.expected]
  })
}
