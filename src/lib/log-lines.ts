/** Log records as lines: JSON for machines, text for people. Pure. */

import {
  getAnsiColorFormatter,
  getTextFormatter,
  type LogLevel,
  type LogRecord,
  type TextFormatter,
  type TextFormatterOptions,
} from "@logtape/logtape"

export type LineFormat = { format: "json" } | { format: "text"; coloured: boolean }

/** Makes one line with its line end of each record; the message of a record is its first part. */
export function lineFormatter(line: LineFormat): TextFormatter {
  if (line.format === "json") return jsonLine
  return line.coloured
    ? getAnsiColorFormatter({ ...TEXT, levelStyle: null, levelColors: LEVEL_COLORS, categoryStyle: null })
    : getTextFormatter(TEXT)
}

const LEVEL_NAMES: Record<LogLevel, string> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  fatal: "error",
}

const LEVEL_COLORS = {
  trace: null,
  debug: null,
  info: "green",
  warning: "yellow",
  error: "red",
  fatal: "red",
} as const

const TEXT: TextFormatterOptions = {
  timestamp: "rfc3339",
  level: (level) => LEVEL_NAMES[level].padEnd(5),
  category: (category) => `[${componentOf(category)}]`,
  // `escapeControls` covers more than LogTape does: line separators and direction marks.
  sanitize: false,
  format: ({ timestamp, level, category, message, record }) =>
    `${timestamp} ${level} ${category} ${escapeControls(message)}${pairsOf(record.properties)}`,
}

function pairsOf(fields: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(([name, value]) => {
    const bare = typeof value === "string" && /^[\w.+*:/@-]+$/.test(value)
    return ` ${escapeControls(name)}=${bare ? value : escapeControls(JSON.stringify(value) ?? "-")}`
  })
  return pairs.join("")
}

const RESERVED = new Set(["time", "level", "component", "message"])

/** Fields beside the message; a field with a reserved name gets a `_` at its end. */
function jsonLine({ timestamp, level, category, message, properties }: LogRecord): string {
  const line: Record<string, unknown> = {
    time: new Date(timestamp).toISOString(),
    level: LEVEL_NAMES[level],
    component: componentOf(category),
    message: message[0],
  }
  for (const [name, value] of Object.entries(properties)) line[RESERVED.has(name) ? `${name}_` : name] = value
  return `${escapeControls(JSON.stringify(line))}\n`
}

/** The category without its root. */
function componentOf(category: readonly string[]): string {
  return category.slice(1).join(".")
}

/** Escapes control, line-separating and direction-changing characters, so that a record stays one line. */
function escapeControls(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- finding them is the purpose
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
