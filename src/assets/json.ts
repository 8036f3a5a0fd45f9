/** Strict JSON with lines: for faults of syntax, for keys given twice, and for faults found later. Pure. */

import { printParseErrorCode, visit } from "jsonc-parser"
import type { AssetFault } from "./asset-error.ts"

export type JsonDocument = {
  value: unknown
  /** The line of a field by its path, as in `agents.sales.engine`; of the nearest field around it if there is none. */
  lineOf: (path: readonly PropertyKey[]) => number
  /** Keys that appear twice in one object: JSON keeps only the last. */
  repeated: { path: string; line: number }[]
}

const MAX_DEPTH = 64

/** Reads a document. A fault of syntax is returned with its line, counted from 1. */
export function readJson(given: string): JsonDocument | Pick<AssetFault, "line" | "message"> {
  const text = given.replace(/^\uFEFF/, "")
  try {
    const { lines, repeated } = scan(text)
    const value: unknown = JSON.parse(text)
    return { value, lineOf: (path) => lineIn(lines, path), repeated }
  } catch (error) {
    if (error instanceof JsonFault) return { line: error.line, message: error.message }
    if (error instanceof SyntaxError) return { line: 1, message: error.message }
    throw error
  }
}

export function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join(".")
}

class JsonFault extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

/** An object or array that is open at this point of the text; `keys` of the object so far. */
type Container = { end: "}" | "]"; keys: Set<string> }

/** The lines of all keys by path. Throws `JsonFault` for the first fault. */
function scan(text: string): { lines: Map<string, number>; repeated: JsonDocument["repeated"] } {
  const lines = new Map<string, number>()
  const repeated: JsonDocument["repeated"] = []
  const open: Container[] = []
  // Items of arrays have no key: their line is that of their value.
  const item = (path: readonly PropertyKey[], startLine: number) => {
    if (typeof path.at(-1) === "number") lines.set(pathText(path), startLine + 1)
  }
  const begin = (end: Container["end"], path: readonly PropertyKey[], startLine: number) => {
    item(path, startLine)
    open.push({ end, keys: new Set() })
    if (open.length > MAX_DEPTH) throw new JsonFault(startLine + 1, "too many levels")
  }
  const end = () => void open.pop()
  visit(
    text,
    {
      onObjectBegin: (_, _length, line, _character, pathOf) => begin("}", pathOf(), line),
      onArrayBegin: (_, _length, line, _character, pathOf) => begin("]", pathOf(), line),
      onLiteralValue: (_, _offset, _length, line, _character, pathOf) => item(pathOf(), line),
      onObjectEnd: end,
      onArrayEnd: end,
      onObjectProperty(key, _, _length, startLine, _character, pathOf) {
        const path = pathText([...pathOf(), key])
        const line = startLine + 1
        const keys = open.at(-1)?.keys
        if (keys?.has(key)) repeated.push({ path, line })
        keys?.add(key)
        lines.set(path, line)
      },
      onError(error, offset, _length, startLine) {
        const message = messageFor(printParseErrorCode(error), { text, offset, end: open.at(-1)?.end })
        throw new JsonFault(startLine + 1, message)
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  )
  return { lines, repeated }
}

type Spot = { text: string; offset: number; end: Container["end"] | undefined }

function messageFor(code: string, spot: Spot): string {
  switch (code) {
    case "InvalidCommentToken":
      return "comments are not allowed"
    case "UnexpectedEndOfString":
      return "a string does not end on its line"
    case "InvalidEscapeCharacter":
    case "InvalidUnicode":
    case "InvalidCharacter":
      return "a string has an invalid escape or a control character"
    case "ColonExpected":
      return `expected :, not ${seenAt(spot)}`
    case "EndOfFileExpected":
      return `unexpected ${seenAt(spot)} after the end`
    // The container that was not closed has ended already.
    case "CloseBraceExpected":
      return `expected ${expectedAt({ ...spot, end: "}" })}, not ${seenAt(spot)}`
    case "CloseBracketExpected":
      return `expected ${expectedAt({ ...spot, end: "]" })}, not ${seenAt(spot)}`
    default:
      return `expected ${expectedAt(spot)}, not ${seenAt(spot)}`
  }
}

/** What may follow the text before this position. */
function expectedAt({ text, offset, end }: Spot): string {
  const before = text.slice(0, offset).trimEnd().at(-1) ?? ""
  if (end === undefined || ":[".includes(before) || (before === "," && end === "]")) return "a value"
  return "{,".includes(before) ? "a key in quotes" : `, or ${end}`
}

function seenAt({ text, offset }: Spot): string {
  const char = text[offset]
  return char === undefined ? "the end of the file" : JSON.stringify(char)
}

function lineIn(lines: ReadonlyMap<string, number>, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length--) {
    const line = lines.get(pathText(path.slice(0, length)))
    if (line !== undefined) return line
  }
  return 1
}
