/** The log: one line for each record, JSON or readable text. Personal data and secrets are taken out before writing. */

import { configureSync, getLogger, type Logger, type LogLevel, type LogRecord } from "@logtape/logtape"
import { redactByField, redactByPattern } from "@logtape/redaction"
import { REDACTED, redactionPatterns, redactText } from "./redact.ts"

type Fields = Record<string, unknown>

export interface Log {
  /** `message` is static; what differs from record to record is a field. Personal data goes under the key `pii`. */
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** A log whose records all carry these fields too. */
  with(fields: Fields): Log
  /** Takes care of a promise that nobody awaits: its failure becomes an error record. */
  background(label: string, promise: Promise<unknown>): void
}

export type LogSettings = {
  level: "debug" | "info" | "warn" | "error"
  /** `auto`: text on a terminal, JSON lines everywhere else. */
  format: "auto" | "json" | "pretty"
  /** Takes one finished line with its line end. Default: standard output. */
  write?: ((line: string) => void) | undefined
  /** Whether the lines end on a terminal, which makes text coloured. Default: what standard output is. */
  terminal?: boolean | undefined
  /** Values that are never written, whatever they look like. Those under 8 characters are not looked for. */
  secrets?: readonly string[] | undefined
}

const ROOT = "parley"
const SECRET_FIELDS = [
  /^pii$/i,
  /^(?:authorization|password|secret|api_?(?:key|secret)|auth_?token|socket_?token)$/i,
]
const LIMITS = { maxDepth: 8, maxProperties: 200 }
const MAX_TEXT = 4_000

/** Sets up the log of the whole process, in place of an earlier set-up. Without one nothing is written. */
export function configureLog({
  level,
  format,
  write = writeToStdout,
  terminal = process.stdout.isTTY,
  secrets = [],
}: LogSettings): void {
  const asText = format === "pretty" || (format === "auto" && terminal)
  const patterns = redactionPatterns(secrets)
  const clean = redactByPattern((record) => [wordsOf(record), record.properties], patterns, LIMITS)
  const toLine = (record: LogRecord) => {
    const [message, fields] = clean(record)
    write(asText ? textLine(record, message, fields, terminal) : jsonLine(record, message, fields))
  }
  const redacted = redactByField(toLine, { fieldPatterns: SECRET_FIELDS, action: () => REDACTED, ...LIMITS })
  const key = (name: string) => redactText(name, patterns)
  configureSync({
    reset: true,
    sinks: { lines: (record) => redacted({ ...record, properties: plainFields(record.properties, key) }) },
    loggers: [
      { category: [ROOT], sinks: ["lines"], lowestLevel: level === "warn" ? "warning" : level },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" },
    ],
  })
}

/** The log of one part of the program, as in `getLog("relay")`. May be taken before `configureLog` is called. */
export function getLog(component: string): Log {
  return logOn(getLogger([ROOT, component]))
}

function logOn(logger: Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warning(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
    with: (fields) => logOn(logger.with(fields)),
    background: (label, promise) => {
      promise.catch((error: unknown) => logger.error("background work failed", { label, error }))
    },
  }
}

let listening = false

/** A log that nobody reads any more is no reason to end calls. */
function writeToStdout(line: string): void {
  if (!listening) {
    listening = true
    process.stdout.on("error", () => {})
  }
  try {
    process.stdout.write(line)
  } catch {
    // The pipe is closed.
  }
}

/** The message as given: braces in it are no placeholders. */
function wordsOf({ rawMessage, message }: LogRecord): string {
  return cut(typeof rawMessage === "string" ? rawMessage : message.join(""))
}

const LEVELS: Record<LogLevel, { name: string; colour: number }> = {
  trace: { name: "debug", colour: 90 },
  debug: { name: "debug", colour: 90 },
  info: { name: "info", colour: 32 },
  warning: { name: "warn", colour: 33 },
  error: { name: "error", colour: 31 },
  fatal: { name: "error", colour: 31 },
}

const TAKEN = new Set(["time", "level", "component", "message"])

function jsonLine(record: LogRecord, message: unknown, fields: unknown): string {
  const line: Fields = { ...head(record), message }
  for (const [name, value] of entries(fields)) line[TAKEN.has(name) ? `${name}_` : name] = value
  return `${escapeControls(JSON.stringify(line))}\n`
}

function textLine(record: LogRecord, message: unknown, fields: unknown, coloured: boolean): string {
  const paint = (colour: number, text: string) => (coloured ? `\u001b[${colour}m${text}\u001b[0m` : text)
  const { time, level, component } = head(record)
  const pairs = entries(fields).map(([name, value]) => {
    const bare = typeof value === "string" && /^[\w.+*:/@-]+$/.test(value)
    return ` ${paint(90, `${escapeControls(name)}=`)}${bare ? value : escapeControls(JSON.stringify(value) ?? "-")}`
  })
  const words = escapeControls(String(message))
  const tag = paint(LEVELS[record.level].colour, level.padEnd(5))
  return `${paint(90, time)} ${tag} [${component}] ${words}${pairs.join("")}\n`
}

function head(record: LogRecord) {
  return {
    time: new Date(record.timestamp).toISOString(),
    level: LEVELS[record.level].name,
    component: record.category.slice(1).join("."),
  }
}

function entries(fields: unknown): [string, unknown][] {
  return typeof fields === "object" && fields !== null ? Object.entries(fields) : []
}

/** Control, line-separating and direction-changing characters as escapes, so that one record stays one line. */
function escapeControls(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- finding them is the purpose
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text
}

function plainFields(fields: Fields, key: (name: string) => string): Fields {
  const plain: Fields = {}
  const seen = new Set<object>()
  for (const [name, value] of Object.entries(fields)) plain[key(name)] = toPlain(value, key, seen)
  return plain
}

/** A value as plain JSON: errors as name, message and cause, maps and sets as lists, circles and depths cut. */
function toPlain(value: unknown, key: (name: string) => string, seen: Set<object>): unknown {
  if (typeof value === "string") return cut(value)
  if (typeof value === "bigint" || typeof value === "symbol") return String(value)
  if (typeof value === "function") return "[function]"
  if (typeof value !== "object" || value === null) return value
  if (seen.has(value)) return "[circular]"
  if (seen.size >= LIMITS.maxDepth) return "[truncated]"
  seen.add(value)
  try {
    if (value instanceof Error) return plainError(value, key, seen)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString()
    if (value instanceof URL || value instanceof RegExp) return String(value)
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    if (value instanceof Map) return toPlain(Object.fromEntries(value), key, seen)
    if (Array.isArray(value) || value instanceof Set) {
      return [...value].slice(0, LIMITS.maxProperties).map((item) => toPlain(item, key, seen))
    }
    const plain: Fields = {}
    for (const [name, item] of Object.entries(value).slice(0, LIMITS.maxProperties)) {
      plain[key(name)] = toPlain(item, key, seen)
    }
    return plain
  } finally {
    seen.delete(value)
  }
}

function plainError(error: Error, key: (name: string) => string, seen: Set<object>): Fields {
  const plain: Fields = { name: error.name, message: cut(error.message) }
  if ("code" in error) plain["code"] = toPlain(error.code, key, seen)
  if (error.cause !== undefined) plain["cause"] = toPlain(error.cause, key, seen)
  return plain
}
