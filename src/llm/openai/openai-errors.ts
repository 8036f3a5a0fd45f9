/** Converts failures of OpenAI and compatible servers to `ChatModelError`. */

import { z } from "zod"
import { messageOf } from "../../lib/errors.ts"
import { networkCodeOf, SPENT_CODES } from "../../lib/failure-advice.ts"
import { ChatModelError } from "../chat-model.ts"

const MAX_MESSAGE_CHARS = 300
/** Longest delay of a retry that a caller can wait for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 2_000

/** The fields of the SDK's errors. Checked by field, because the SDK is loaded later. */
const Fault = z.object({
  status: z.number().optional().catch(undefined),
  /** Some compatible servers put the HTTP status here. */
  code: z.union([z.string(), z.number()]).optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  requestID: z.string().optional().catch(undefined),
  headers: z.instanceof(Headers).optional().catch(undefined),
})

/** Any error of a request. One without a response is a failed connection and may be retried. */
export function toChatModelError(error: unknown): ChatModelError {
  if (error instanceof ChatModelError) return error
  const fault = Fault.safeParse(error).data ?? {}
  const status = fault.status ?? (typeof fault.code === "number" ? fault.code : undefined)
  const code = typeof fault.code === "string" ? fault.code : undefined
  const words = messageOf(error).replaceAll(/\s+/g, " ").slice(0, MAX_MESSAGE_CHARS)
  const request = fault.requestID ? ` (request ${fault.requestID})` : ""
  return new ChatModelError(`The model could not answer: ${words}${request}`, {
    retryable: isRetryable({ status, codes: [code, fault.type], headers: fault.headers }),
    status,
    code: code ?? (status === undefined ? networkCodeOf(error) : undefined),
    requestId: fault.requestID,
    cause: error,
  })
}

/** A failure reported inside a stream, by its code. */
export function streamFailure(
  code: string | null | undefined,
  message: string | null | undefined,
): ChatModelError {
  const words = (message ?? "no reason given").slice(0, MAX_MESSAGE_CHARS)
  return new ChatModelError(`The model failed (${code ?? "no code"}): ${words}`, {
    retryable: isRetryable({ status: undefined, codes: [code ?? undefined], headers: undefined }),
    code: code ?? undefined,
  })
}

const ChunkFault = z.object({
  message: z.string().optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  code: z.union([z.string(), z.number()]).optional().catch(undefined),
})

/** A failure reported in a chunk of a Chat Completions stream: an object or a text. */
export function chunkFailure(error: unknown): ChatModelError {
  const fault = ChunkFault.safeParse(error).data ?? {}
  const status = /^[45]\d\d$/.test(String(fault.code)) ? Number(fault.code) : undefined
  const words = fault.message ?? (typeof error === "string" ? error : "no reason given")
  return new ChatModelError(`The model failed: ${words.slice(0, MAX_MESSAGE_CHARS)}`, {
    retryable: isRetryable({
      status,
      codes: [status === undefined ? fault.code?.toString() : undefined, fault.type],
      headers: undefined,
    }),
    status,
    code: status === undefined ? fault.code?.toString() : undefined,
  })
}

/** A stream that violates its protocol. */
export function brokenStream(what: string, cause?: unknown): ChatModelError {
  return new ChatModelError(`The model's answer ${what}`, { retryable: true, cause })
}

type Facts = { status: number | undefined; codes: (string | undefined)[]; headers: Headers | undefined }

function isRetryable({ status, codes, headers }: Facts): boolean {
  if (codes.some((code) => code !== undefined && SPENT_CODES.has(code))) return false
  if (retryAfterMs(headers) > MAX_RETRY_AFTER_MS) return false
  // A stream reports only a code; codes of invalid requests share prefixes and suffixes.
  if (status === undefined) {
    return !codes.some(
      (code) =>
        code !== undefined &&
        /^(invalid|unsupported)_|_(policy|exceeded_limit|not_found)$|^context_length/.test(code),
    )
  }
  if (status === 408 || status === 409 || status === 429) return true
  return status >= 500 && status !== 501 && status !== 505
}

function retryAfterMs(headers: Headers | undefined): number {
  const ms = Number(headers?.get("retry-after-ms") ?? Number.NaN)
  const seconds = Number(headers?.get("retry-after") ?? Number.NaN)
  return Number.isFinite(ms) ? ms : Number.isFinite(seconds) ? seconds * 1_000 : 0
}
