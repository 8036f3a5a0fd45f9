/** Reads JSON bodies whose faults are told with their line. */

import { readJson } from "../../assets/json.ts"
import { AppError } from "../../lib/errors.ts"

/** The object in a body, whatever its content type says. Throws INVALID_REQUEST. */
export function jsonObject(body: string): Readonly<Record<string, unknown>> {
  const { value, repeated } = jsonDocument(body)
  const [twice] = repeated
  if (twice)
    throw new AppError("INVALID_REQUEST", `The body has ${twice.path} twice, again in line ${twice.line}.`)
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AppError("INVALID_REQUEST", "The body must be a JSON object.")
  }
  return { ...value }
}

function jsonDocument(body: string) {
  const document = readJson(body)
  if ("lineOf" in document) return document
  throw new AppError("INVALID_REQUEST", `The body is not JSON: line ${document.line}: ${document.message}`, {
    details: [{ line: document.line, message: document.message }],
  })
}
