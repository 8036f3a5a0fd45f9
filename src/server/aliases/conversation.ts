/** `POST /conversation` of Simple Conversation Relay. It only translates names; see `docs/compatibility.md`. */

import { Hono } from "hono"
import { z } from "zod"
import { AppError, toAppError } from "../../lib/errors.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { MAX_MESSAGE_CHARS } from "../v1/conversations.ts"
import { errorHandler } from "../errors.ts"
import { requireAuth } from "../auth.ts"
import { succeededBy } from "./shared.ts"

/** An id that is not a string counts as an unknown id. */
const Body = z.object({
  message: z
    .string("Message is required")
    .max(MAX_MESSAGE_CHARS, `Message must have ${MAX_MESSAGE_CHARS} characters at most`)
    .refine((text) => text.trim() !== "", "Message is required"),
  role: z.enum(["user", "system"], "Role must be user or system").default("user"),
  sessionId: z
    .union([z.string(), z.null(), z.undefined()])
    .catch("none")
    .transform((id) => id || undefined),
})

export function conversationAlias(context: ServerContext): Hono<Env> {
  const { messenger, log } = context
  const app = new Hono<Env>()
  const onError = errorHandler(log)

  app.onError(async (thrown, c) => {
    // `onError` logs the error and sets the headers of the response.
    await onError(thrown, c)
    const { http, publicMessage, details } = toAppError(thrown)
    const sessionId = details?.find(({ field }) => field === "conversationId")?.value
    const answer = { success: false, ...(sessionId ? { sessionId } : {}), error: publicMessage }
    return c.json(answer, http >= 500 ? 500 : http)
  })

  app.post("/conversation", requireAuth(context), async (c) => {
    succeededBy(c, "/v1/conversations")
    const parsed = Body.safeParse(await bodyOf(c))
    if (!parsed.success) {
      throw new AppError("INVALID_REQUEST", parsed.error.issues[0]?.message ?? "Message is required")
    }
    const { message: text, role, sessionId } = parsed.data
    const { conversationId, response, created } = await messenger.send({
      text,
      role,
      conversationId: sessionId,
      unknownId: "open-another",
      userId: c.get("auth").userId,
    })
    const replaced = created && sessionId !== undefined
    return c.json({ success: true, sessionId: conversationId, response, ...(replaced ? { created } : {}) })
  })

  return app
}

/** The fields of a JSON object or a form; empty for any other body. */
async function bodyOf(c: RequestContext): Promise<unknown> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) return c.req.parseBody()
  const text = await c.req.text()
  try {
    const body: unknown = text === "" ? {} : JSON.parse(text)
    return typeof body === "object" && body !== null && !Array.isArray(body) ? body : {}
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The body is not JSON", { cause })
  }
}
