/** The log: one line for each record, JSON or readable text. Personal data and secrets are removed before writing. */

import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape"
import { redactByField, redactByPattern } from "@logtape/redaction"
import { systemClock, type Clock } from "./clock.ts"
import { LogLimit, type LogLimitOptions } from "./log-limit.ts"
import { lineFormatter } from "./log-lines.ts"
import { cutText, LIMITS, plainFields, type Fields } from "./log-values.ts"
import { REDACTED, redactionPatterns, redactText } from "./redact.ts"

export interface Log {
  /** `message` is static; what differs from record to record is a field. Personal data goes under the key `pii`. */
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** A log whose records all carry these fields too. */
  with(fields: Fields): Log
  /** For a promise that is not awaited: its rejection becomes an error record. */
  background(label: string, promise: Promise<unknown>): void
}

export type LogSettings = {
  level: "debug" | "info" | "warn" | "error"
  /** `auto`: text on a terminal, JSON lines everywhere else. */
  format: "auto" | "json" | "pretty"
  /** Takes one finished line with its line end. Default: standard output. */
  write?: ((line: string) => void) | undefined
  /** Whether the lines go to a terminal, where text is coloured. Default: whether standard output is a terminal. */
  terminal?: boolean | undefined
  /** Values that are never written, whatever their form. Values under 8 characters are ignored. */
  secrets?: readonly string[] | undefined
  /** Limits equal warnings and errors: of one level, component and message. Default: 10 in 10 seconds. */
  limit?: LogLimitOptions | undefined
  clock?: Pick<Clock, "monotonic"> | undefined
}

const ROOT = "parley"
const SECRET_FIELDS = [
  /^pii$/i,
  /^(?:authorization|password|secret|api_?(?:key|secret)|auth_?token|socket_?token)$/i,
]

/** Sets up the log of the whole process and replaces an earlier set-up. Without one nothing is written. */
export function configureLog({
  level,
  format,
  write = writeToStdout,
  terminal = process.stdout.isTTY,
  secrets = [],
  limit,
  clock = systemClock,
}: LogSettings): void {
  const asText = format === "pretty" || (format === "auto" && terminal)
  const toLine = lineFormatter(asText ? { format: "text", coloured: terminal } : { format: "json" })
  const patterns = redactionPatterns(secrets)
  const clean = redactByPattern((record) => [messageTextOf(record), record.properties], patterns, LIMITS)
  const writeLine = (record: LogRecord) => {
    const [message, fields] = clean(record)
    write(toLine({ ...record, message: [String(message)], properties: fieldsOf(fields) }))
  }
  const redacted = redactByField(writeLine, {
    fieldPatterns: SECRET_FIELDS,
    action: () => REDACTED,
    ...LIMITS,
  })
  const key = (name: string) => redactText(name, patterns)
  const writeRecord = (record: LogRecord) =>
    redacted({ ...record, properties: plainFields(record.properties, key) })
  configureSync({
    reset: true,
    sinks: { lines: limitEqual({ limit: new LogLimit(limit), clock, write: writeRecord }) },
    loggers: [
      { category: [ROOT], sinks: ["lines"], lowestLevel: level === "warn" ? "warning" : level },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" },
    ],
  })
}

type EqualRecords = {
  limit: LogLimit<LogRecord>
  clock: Pick<Clock, "monotonic">
  write: (record: LogRecord) => void
}

/**
 * Passes records on. Of warnings and errors with the same level, component and message only the first of each window;
 * before the next record after its end, one says how many more there were, and of how many calls.
 */
function limitEqual({ limit, clock, write }: EqualRecords): (record: LogRecord) => void {
  return (record) => {
    const nowMs = clock.monotonic()
    for (const { last, more, calls, windowMs } of limit.end(nowMs)) {
      const properties = { more, withinMs: windowMs, ...(calls > 0 ? { calls } : {}) }
      write({ ...last, timestamp: record.timestamp, properties })
    }
    const { level, category, properties } = record
    const isLimited = level === "warning" || level === "error" || level === "fatal"
    const kind = `${level} ${category.join(".")} ${messageTextOf(record)}`
    const call = properties["callSid"] ?? properties["callId"]
    if (!isLimited || limit.admits(kind, record, { call, nowMs })) write(record)
  }
}

/** The log of one part of the program, as in `getLog("relay")`. May be created before `configureLog` is called. */
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

/** A closed standard output does not end calls: its errors are ignored. */
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
function messageTextOf({ rawMessage, message }: LogRecord): string {
  return cutText(typeof rawMessage === "string" ? rawMessage : message.join(""))
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {}
}
