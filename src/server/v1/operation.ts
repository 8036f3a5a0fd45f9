/** One operation of the REST API, as its description is made of it. */

import type { z } from "zod"

export type Operation = {
  method: "get" | "post" | "put" | "patch" | "delete"
  path: string
  summary: string
  query?: z.ZodObject
  body?: z.ZodType
  /** Another form of the body, by media type. */
  bodyAlso?: string
  headers?: Record<string, string>
  status: number
  answer: z.ZodType
  /** Media type of the answer, where it is not JSON. */
  answerType?: string
  /** Another form of the answer, by media type. */
  also?: string
  /** Another status with the same answer. */
  otherStatus?: number
  /** Needs no key. */
  open?: boolean
  /** Beside 401, which all but the open ones have, and 400, 413 and 415, which all with a body have. */
  errors?: readonly number[]
}
