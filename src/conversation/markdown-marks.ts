/** The marks of Markdown that lead a line or stand for emphasis. Pure. */

/** What a line of Markdown is. */
export type LineKind = "text" | "item" | "heading" | "row"

/** Markup that may precede the text of a line. */
export const LINE_MARKS = /[-*+_=~#>|:•·–\t ]*/y
/** The prefixes of a line, one after another. */
const QUOTE = /[ \t]*>[ \t]?/y
const HEADING = /[ \t]*#{1,6}[ \t]+/y
const BULLET = /[ \t]*[-*+•·–][ \t]+/y
const CELL = /[ \t]*\|[ \t]*/y
/** A number is spoken, and marks the line as a list item. */
const NUMBER = /[ \t]*\d{1,3}[.)][ \t]/y

/** Length of the `>` marks at a place. */
export function quoteLength(text: string, from: number): number {
  let at = from
  for (;;) {
    const length = lengthOf(QUOTE, text, at)
    if (length === 0) return at - from
    at += length
  }
}

/** The kind of the line that begins at a place, and the length of the marks that are not spoken. */
export function linePrefix(text: string, at: number): { kind: LineKind; length: number } {
  const heading = lengthOf(HEADING, text, at)
  if (heading > 0) return { kind: "heading", length: heading }
  const bullet = lengthOf(BULLET, text, at)
  if (bullet > 0) return { kind: "item", length: bullet }
  const cell = lengthOf(CELL, text, at)
  if (cell > 0) return { kind: "row", length: cell }
  return { kind: lengthOf(NUMBER, text, at) > 0 ? "item" : "text", length: 0 }
}

/** Whether a run of `*`, `_` or `~` is no emphasis: a key, a sum, part of a name. */
export function isLiteral(run: string, before: string, after: string): boolean {
  const [mark] = run
  if (mark === "`") return false
  if (mark === "~" && run.length === 1) return true
  const opens = before === "" || /\s/.test(before)
  const closes = after === "" || /[\s.,;:!?]/.test(after)
  if (opens && closes) return true
  if (mark === "*") return /\d/.test(before) && /\d/.test(after)
  return mark === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after)
}

/** How much a sticky pattern matches at a place. */
export function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex - at : 0
}
