/** The closed table of errors that clients see, and their class. */

/** `http`: status of the response. `isPublic`: whether the message may leave the program. */
const ERRORS = {
  INVALID_REQUEST: { http: 400, isPublic: true },
  UNAUTHORIZED: { http: 401, isPublic: true },
  BAD_SIGNATURE: { http: 403, isPublic: true },
  FORBIDDEN: { http: 403, isPublic: true },
  NOT_FOUND: { http: 404, isPublic: true },
  METHOD_NOT_ALLOWED: { http: 405, isPublic: true },
  CONFLICT: { http: 409, isPublic: true },
  TOO_LARGE: { http: 413, isPublic: true },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, isPublic: true },
  RATE_LIMITED: { http: 429, isPublic: true },
  INTERNAL: { http: 500, isPublic: false },
  UPSTREAM_FAILED: { http: 502, isPublic: true },
  NOT_CONFIGURED: { http: 503, isPublic: true },
  UNAVAILABLE: { http: 503, isPublic: true },
} as const

export type ErrorCode = keyof typeof ERRORS
export type ErrorStatus = (typeof ERRORS)[ErrorCode]["http"]

/** Every code of the table. */
export const ERROR_CODES: readonly string[] = Object.keys(ERRORS)

/** One remark beside the message of an error. */
export type ErrorDetail = {
  /** The field at fault, or what `value` is. */
  field?: string
  message: string
  /** What the client needs to continue, such as the id of what was kept. */
  value?: string
  /** The asset at fault, and the line in it, counted from 1. */
  asset?: string
  line?: number
}

export type AppErrorOptions = {
  cause?: unknown
  /** Sent beside the message. Never a secret. */
  details?: readonly ErrorDetail[]
  /** Seconds after which the same request may succeed; sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** Whether a refused request is worth a line in the log. Default: it is. */
  isLogged?: boolean
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly details: readonly ErrorDetail[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly isLogged: boolean

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    const { cause, details, retryAfterSeconds, isLogged = true } = options
    super(message, { cause })
    this.name = "AppError"
    this.code = code
    this.details = details
    this.retryAfterSeconds = retryAfterSeconds
    this.isLogged = isLogged
  }

  get http() {
    return ERRORS[this.code].http
  }

  /** The message for a response. One that is not public becomes a general sentence. */
  get publicMessage(): string {
    return ERRORS[this.code].isPublic ? this.message : "An unexpected error occurred"
  }
}

/** Converts anything thrown to an AppError; other errors become INTERNAL with the original as cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error })
}

/** The message of an error of any kind, for logs. */
export function messageOf(error: unknown): string {
  if (isFailedQuery(error)) return messageOf(error.cause)
  return error instanceof Error ? error.message : String(error)
}

/** Drizzle quotes the statement and its values, which are what callers said. Its cause is SQLite's word for the fault. */
export function isFailedQuery(error: unknown): error is Error & { cause: unknown } {
  return error instanceof Error && "query" in error && "params" in error && error.cause !== undefined
}
