/** `/v1/conversations`: talk with an agent by message, read what was said, delete it. */

import { zValidator } from "@hono/zod-validator"
import { Hono } from "hono"
import { z } from "zod"
import type { StoredConversation } from "../../store/conversations.ts"
import { Parameters } from "./call-routes.ts"
import type { Env, ServerContext } from "../context.ts"
import { refuseInvalid } from "../errors.ts"
import { actingUser } from "../auth.ts"

/** Longest message, in characters. */
export const MAX_MESSAGE_CHARS = 32_000

export const SendMessageBody = z
  .strictObject({
    message: z
      .string()
      .max(MAX_MESSAGE_CHARS)
      .refine((text) => text.trim() !== "", "must not be empty"),
    conversationId: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("Goes on with this conversation; left out: a new one begins"),
    role: z
      .enum(["user", "system"])
      .default("user")
      .describe("system: a fact or an instruction that nobody said; it is answered too"),
    agent: z.string().min(1).max(64).optional().describe("Key of an agent, from this message on"),
    parameters: Parameters.describe("Free fields, added to those of earlier messages"),
    contextKey: z.string().max(128).optional(),
    manifestKey: z.string().max(128).optional(),
    userId: z.string().min(1).max(128).optional().describe("User it belongs to; a bound key has its own"),
  })
  .meta({ id: "SendMessage" })

export const AnswerView = z.object({
  conversationId: z.string(),
  response: z.string(),
  created: z.boolean().describe("Whether this message opened the conversation"),
  endedBy: z
    .literal("agent")
    .optional()
    .describe("The agent holds that the matter is settled; the conversation may go on all the same"),
})

export const ConversationView = z.object({
  conversationId: z.string(),
  agent: z.string(),
  parameters: z.record(z.string(), z.string()),
  userId: z.string().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  turns: z.array(
    z.object({ speaker: z.enum(["caller", "agent", "system"]), text: z.string(), at: z.iso.datetime() }),
  ),
})

export const DeletedConversation = z.object({ conversationId: z.string(), deleted: z.literal(true) })

export function conversationRoutes({ messenger }: Pick<ServerContext, "messenger">): Hono<Env> {
  const app = new Hono<Env>()

  app.post("/", zValidator("json", SendMessageBody, refuseInvalid("body")), async (c) => {
    const { message: text, userId, ...message } = c.req.valid("json")
    const user = actingUser(c.get("auth"), userId)
    return c.json(await messenger.send({ ...message, text, userId: user, unknownId: "refuse" }))
  })

  app.get("/:id", (c) => c.json(view(messenger.read(c.req.param("id"), c.get("auth").userId))))

  app.delete("/:id", (c) => {
    const conversationId = c.req.param("id")
    messenger.remove(conversationId, c.get("auth").userId)
    return c.json({ conversationId, deleted: true } satisfies z.infer<typeof DeletedConversation>)
  })

  return app
}

/** What was said; the work of tools is left out. */
function view(conversation: StoredConversation): z.infer<typeof ConversationView> {
  const { id, agent, parameters, userId, createdAt, updatedAt, expiresAt, turns } = conversation
  return {
    conversationId: id,
    agent,
    parameters,
    userId,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    turns: turns
      .filter(({ kind }) => kind !== "tool")
      .map(({ speaker, text, startedAt }) => ({ speaker, text, at: new Date(startedAt).toISOString() })),
  }
}
