/** The error of a refused request. */

/** An answer of the API that is no success, in the words of its error table. */
export class ParleyError extends Error {
  readonly status: number
  readonly code: string
  /** Seconds after which the same request may succeed. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, code: string, message: string, retryAfterSeconds: number | undefined) {
    super(message)
    this.name = "ParleyError"
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}
