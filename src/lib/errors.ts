/** The closed table of errors that leave the program, and the one class that carries them. */

/** `http`: status of the answer. `close`: WebSocket close code. `tell`: whether the message may reach the outside. */
const ERRORS = {
  INVALID_REQUEST: { http: 400, close: 4400, tell: true },
  UNAUTHORIZED: { http: 401, close: 4401, tell: true },
  BAD_SIGNATURE: { http: 403, close: 4403, tell: true },
  FORBIDDEN: { http: 403, close: 4403, tell: true },
  NOT_FOUND: { http: 404, close: 4404, tell: true },
  METHOD_NOT_ALLOWED: { http: 405, close: 4405, tell: true },
  CONFLICT: { http: 409, close: 4409, tell: true },
  TOO_LARGE: { http: 413, close: 1009, tell: true },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, close: 4415, tell: true },
  RATE_LIMITED: { http: 429, close: 4429, tell: true },
  INTERNAL: { http: 500, close: 1011, tell: false },
  UPSTREAM_FAILED: { http: 502, close: 1011, tell: true },
  NOT_CONFIGURED: { http: 503, close: 1013, tell: true },
  UNAVAILABLE: { http: 503, close: 1013, tell: true },
} as const

export type ErrorCode = keyof typeof ERRORS

export type AppErrorOptions = {
  cause?: unknown
  /** Fields and faults, shown beside the message. Never a secret. */
  details?: unknown
  /** Seconds after which the same request may succeed; sent as `Retry-After`. */
  retryAfterSeconds?: number
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly details: unknown
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, { cause, details, retryAfterSeconds }: AppErrorOptions = {}) {
    super(message, { cause })
    this.name = "AppError"
    this.code = code
    this.details = details
    this.retryAfterSeconds = retryAfterSeconds
  }

  get http() {
    return ERRORS[this.code].http
  }

  get close() {
    return ERRORS[this.code].close
  }

  /** The message for the outside. What must not be told becomes a general sentence. */
  get told(): string {
    return ERRORS[this.code].tell ? this.message : "An unexpected error occurred"
  }
}

/** Anything thrown, as an AppError; what is not one becomes INTERNAL with the original as its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error })
}

/** The words of an error of any kind, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
