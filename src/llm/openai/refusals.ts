/** Converts error responses of OpenAI-compatible servers for the SDK, which reads only `{"error": …}`. */

import { z } from "zod"

const Refusal = z.looseObject({
  message: z.union([z.string(), z.looseObject({})]).optional(),
  type: z.string().nullish().catch(undefined),
  code: z.union([z.string(), z.number()]).nullish().catch(undefined),
})

/** `fetch` that converts the body of an error status to OpenAI's form. */
export async function fetchReadably(...args: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...args)
  if (response.ok) return response
  const { status, headers } = response
  return new Response(readableRefusal(await response.text()), { status, headers })
}

/**
 * The body with an `error` object. Other servers send a list of one (Gemini), the fields without the wrapper (vLLM,
 * Mistral), or `detail` (FastAPI). A body that is not JSON is returned unchanged.
 */
export function readableRefusal(text: string): string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return text
  }
  if (Array.isArray(body)) [body] = body
  if (typeof body !== "object" || body === null) return text
  if ("error" in body) return JSON.stringify(body)
  const { message = body, type, code } = Refusal.catch({}).parse(body)
  const words = typeof message === "string" ? message : JSON.stringify(message)
  return JSON.stringify({ error: { message: words, type, code } })
}
