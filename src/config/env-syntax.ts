/** The syntax of `.env` files. One rule for all of them: values are used as written; nothing is expanded. Pure. */

export type EnvLine = {
  name: string
  value: string
  /** Line of the name, counted from 1. */
  line: number
  /** What another program would read differently, or what was cut; never the value. */
  remarks: string[]
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" }

/**
 * Lines of the form `NAME=value`; others are comments. A value without quotes ends at the end of the line or at a `#` after
 * a blank. Values in single quotes or backticks stay as they are; in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and
 * `\$` are escapes. Quoted values may have several lines. The last assignment of a name counts.
 */
export function parseEnvFile(text: string): EnvLine[] {
  const found = new Map<string, EnvLine>()
  const source = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n")
  let line = 1
  for (let at = 0; at < source.length;) {
    const lineEnd = endOfLine(source, at)
    const match = ASSIGNMENT.exec(source.slice(at, lineEnd))
    if (!match?.[1]) {
      at = lineEnd + 1
      line += 1
      continue
    }
    const start = at + match[0].length
    const { value, end, remarks } = valueAt(source, start, lineEnd)
    if (/\$(?:[A-Za-z_{])/.test(value)) remarks.push("contains $, which is not expanded")
    found.set(match[1], { name: match[1], value, line, remarks })
    const next = endOfLine(source, end) + 1
    line += source.slice(at, next).split("\n").length - 1
    at = next
  }
  return [...found.values()]
}

type Value = { value: string; end: number; remarks: string[] }

function valueAt(source: string, start: number, lineEnd: number): Value {
  const quote = source[start]
  if (quote !== '"' && quote !== "'" && quote !== "`")
    return plainValue(source.slice(start, lineEnd), lineEnd)
  const close = closingQuote(source, start + 1, quote)
  if (close < 0) {
    const { value, end, remarks } = plainValue(source.slice(start, lineEnd), lineEnd)
    return { value, end, remarks: [...remarks, "begins with a quote that is not closed"] }
  }
  const inside = source.slice(start + 1, close)
  const after = source.slice(close + 1, endOfLine(source, close)).trim()
  return {
    value: quote === '"' ? unescaped(inside) : inside,
    end: close,
    remarks: after === "" || after.startsWith("#") ? [] : ["is cut after the closing quote"],
  }
}

function plainValue(text: string, end: number): Value {
  const comment = /(?:^|[ \t])#/.exec(text)
  const value = (comment ? text.slice(0, comment.index) : text).trim()
  const remarks: string[] = []
  // A comment usually begins with a blank; `secret #1x` is more likely one value.
  if (comment && value !== "" && /^[ \t]?#[^\s#]/.test(text.slice(comment.index)))
    remarks.push("is cut at the # after a blank; put the value in single quotes")
  if (value.includes("#"))
    remarks.push("contains #, which other programs take for a comment; put it in quotes")
  return { value, end, remarks }
}

function closingQuote(source: string, from: number, quote: string): number {
  for (let at = from; at < source.length; at += 1) {
    if (quote === '"' && source[at] === "\\") at += 1
    else if (source[at] === quote) return at
  }
  return -1
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (both, character: string) => ESCAPES[character] ?? both)
}

function endOfLine(source: string, from: number): number {
  const end = source.indexOf("\n", from)
  return end < 0 ? source.length : end
}
