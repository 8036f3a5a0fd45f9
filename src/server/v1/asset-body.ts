/** Reads the bodies of assets: media types, and JSON whose errors are reported with their line. */

import { readJson } from "../../assets/json.ts"
import { AppError } from "../../lib/errors.ts"
import type { RequestContext } from "../context.ts"

/** The text of a JSON body. Throws UNSUPPORTED_MEDIA_TYPE; `others` are further types that the route accepts. */
export async function jsonText(c: RequestContext, ...others: string[]): Promise<string> {
  if (!/^application\/(?:[\w.-]+\+)?json$/.test(mediaType(c))) {
    const types = ["application/json", ...others].join(" or ")
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", `Send the body with Content-Type ${types}.`)
  }
  return c.req.text()
}

export function mediaType(c: RequestContext): string {
  return (c.req.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""
}

/** The JSON object in a body, for any content type. Throws INVALID_REQUEST. */
export function jsonObject(body: string): Readonly<Record<string, unknown>> {
  const { value, repeated } = jsonDocument(body)
  const [first] = repeated
  if (first)
    throw new AppError("INVALID_REQUEST", `The body has ${first.path} twice, again in line ${first.line}.`)
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AppError("INVALID_REQUEST", "The body must be a JSON object.")
  }
  return { ...value }
}

function jsonDocument(body: string) {
  const document = readJson(body)
  if ("lineOf" in document) return document
  throw new AppError("INVALID_REQUEST", `The body is not JSON: line ${document.line}: ${document.message}`, {
    details: [{ message: document.message, ...(document.line === undefined ? {} : { line: document.line }) }],
  })
}
