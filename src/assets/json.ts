/** A strict JSON reader that knows lines: for faults of syntax, for keys given twice, and for faults found later. */

import type { AssetFault } from "./asset-error.ts"

export type JsonDocument = {
  value: unknown
  /** The line of a field by its path, as in `agents.sales.engine`; of the nearest field around it if there is none. */
  lineOf: (path: readonly PropertyKey[]) => number
  /** Keys that stand twice in one object: JSON keeps only the last. */
  repeated: { path: string; line: number }[]
}

const MAX_DEPTH = 64

/** Reads a document. A fault of syntax is returned with its line. */
export function readJson(text: string): JsonDocument | Pick<AssetFault, "line" | "message"> {
  const reader = new JsonReader(text.replace(/^\uFEFF/, ""))
  try {
    const value = reader.document()
    return { value, lineOf: (path) => reader.lineOf(path), repeated: reader.repeated }
  } catch (error) {
    if (error instanceof JsonFault) return { line: reader.line, message: error.message }
    throw error
  }
}

export function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join(".")
}

class JsonFault extends Error {}

class JsonReader {
  line = 1
  readonly repeated: { path: string; line: number }[] = []
  readonly #text: string
  readonly #lines = new Map<string, number>()
  #at = 0
  #path: PropertyKey[] = []

  constructor(text: string) {
    this.#text = text
  }

  document(): unknown {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw new JsonFault(`unexpected ${this.#seen()} after the end`)
    return value
  }

  lineOf(path: readonly PropertyKey[]): number {
    for (let length = path.length; length >= 0; length--) {
      const line = this.#lines.get(pathText(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return 1
  }

  #value(): unknown {
    this.#space()
    if (!this.#lines.has(pathText(this.#path))) this.#lines.set(pathText(this.#path), this.line)
    if (this.#path.length > MAX_DEPTH) throw new JsonFault("too many levels")
    const char = this.#text[this.#at]
    if (char === "{") return this.#object()
    if (char === "[") return this.#array()
    if (char === '"') return this.#string()
    const word = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y
    word.lastIndex = this.#at
    const found = word.exec(this.#text)?.[0]
    if (found === undefined) throw new JsonFault(`expected a value, not ${this.#seen()}`)
    this.#at += found.length
    const value: unknown = JSON.parse(found)
    return value
  }

  #object(): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    this.#members("}", () => {
      if (this.#text[this.#at] !== '"') throw new JsonFault(`expected a key in quotes, not ${this.#seen()}`)
      const key = this.#string()
      this.#path.push(key)
      if (entries.has(key)) this.repeated.push({ path: pathText(this.#path), line: this.line })
      this.#lines.set(pathText(this.#path), this.line)
      this.#expect(":")
      entries.set(key, this.#value())
      this.#path.pop()
    })
    return Object.fromEntries(entries)
  }

  #array(): unknown[] {
    const items: unknown[] = []
    this.#members("]", () => {
      this.#path.push(items.length)
      items.push(this.#value())
      this.#path.pop()
    })
    return items
  }

  #members(end: "}" | "]", member: () => void): void {
    this.#at++
    this.#space()
    if (this.#text[this.#at] === end) return void this.#at++
    for (;;) {
      this.#space()
      member()
      this.#space()
      const char = this.#text[this.#at]
      if (char !== "," && char !== end) throw new JsonFault(`expected , or ${end}, not ${this.#seen()}`)
      this.#at++
      if (char === end) return
    }
  }

  #string(): string {
    const string = /"[^"\\\n\r]*(?:\\.[^"\\\n\r]*)*"/y
    string.lastIndex = this.#at
    const found = string.exec(this.#text)?.[0]
    if (found === undefined) throw new JsonFault("a text does not end on its line")
    try {
      const value: unknown = JSON.parse(found)
      this.#at += found.length
      return String(value)
    } catch {
      throw new JsonFault("a text holds a wrong escape or a control character")
    }
  }

  #expect(char: string): void {
    this.#space()
    if (this.#text[this.#at] !== char) throw new JsonFault(`expected ${char}, not ${this.#seen()}`)
    this.#at++
  }

  #space(): void {
    for (; ; this.#at++) {
      const char = this.#text[this.#at]
      if (char === "\n") this.line++
      else if (char !== " " && char !== "\t" && char !== "\r") return
    }
  }

  #seen(): string {
    const char = this.#text[this.#at]
    if (char === undefined) return "the end of the file"
    if (this.#text.startsWith("//", this.#at) || this.#text.startsWith("/*", this.#at)) return "a comment"
    return JSON.stringify(char)
  }
}
