/** `/v1/conversations`: talk with an agent by text message, read what was said, delete it. */

import { Hono } from "hono"
import { z } from "zod"
import type { StoredConversation } from "../../store/conversations.ts"
import { actingUser } from "../auth.ts"
import type { Env, ServerContext } from "../context.ts"
import { ParametersField } from "./call-parameters.ts"
import {
  jsonBody,
  named,
  operation,
  withExamples,
  type Parameter,
  type OperationError,
} from "../openapi/operation.ts"

/** Longest message, in characters. */
export const MAX_MESSAGE_CHARS = 32_000

const ID = "0e48777f-81fa-4f37-a13c-7c9e33c4bb29"

const SendMessageBody = named(
  "SendMessage",
  z.strictObject({
    message: z
      .string()
      .max(MAX_MESSAGE_CHARS)
      .refine((text) => text.trim() !== "", "must not be empty")
      .describe("What the user writes"),
    conversationId: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("Continues this conversation; without it a new one is created"),
    role: z
      .enum(["user", "system"])
      .default("user")
      .describe("system: a fact or an instruction that is not spoken; it is answered too"),
    agent: z.string().min(1).max(64).optional().describe("Key of an agent, from this message on"),
    parameters: ParametersField.describe("Free fields, added to those of earlier messages"),
    contextKey: z.string().max(128).optional().describe("Another context, from this message on"),
    manifestKey: z.string().max(128).optional().describe("Another tool manifest, from this message on"),
    userId: z.string().min(1).max(128).optional().describe("User it belongs to; a bound key has its own"),
  }),
  { message: "What are your opening hours?", parameters: { firstname: "Anna" } },
)

const ReplyView = withExamples(
  z.object({
    conversationId: z.string(),
    response: z.string().describe("What the agent answers"),
    created: z.boolean().describe("Whether this message created the conversation"),
    endedBy: z
      .literal("agent")
      .optional()
      .describe("The agent considers the conversation finished; it may be continued all the same"),
  }),
  {
    conversationId: ID,
    response: "We are open Monday to Friday from nine to six, and on Saturday from ten to two.",
    created: true,
  },
)

const ConversationView = withExamples(
  z.object({
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
  }),
  {
    conversationId: ID,
    agent: "default",
    parameters: { firstname: "Anna" },
    userId: null,
    createdAt: "2026-11-20T20:05:57.064Z",
    updatedAt: "2026-11-20T20:05:57.239Z",
    expiresAt: "2026-11-21T20:05:57.239Z",
    turns: [
      { speaker: "caller", text: "What is my first name?", at: "2026-11-20T20:05:57.064Z" },
      { speaker: "agent", text: "Your name is Anna.", at: "2026-11-20T20:05:57.078Z" },
    ],
  },
)

const DeletedConversation = withExamples(z.object({ conversationId: z.string(), deleted: z.literal(true) }), {
  conversationId: ID,
  deleted: true,
})

const PARAMS: Readonly<Record<"id", Parameter>> = {
  id: { description: "`conversationId` of the conversation", example: ID },
}
const FIND_ERRORS: readonly OperationError[] = [403, 404]

export function conversationRoutes({ messenger }: Pick<ServerContext, "messenger">): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    "/v1/conversations",
    operation({
      id: "sendMessage",
      tag: "Conversations",
      summary: "Send a message to an agent and receive its reply",
      description: "Without `conversationId` a conversation is created.",
      responses: { 200: { description: "The reply of the agent", schema: ReplyView } },
      errors: [403, 404, 502],
    }),
    jsonBody(SendMessageBody),
    async (c) => {
      const { message: text, userId, ...message } = c.req.valid("json")
      const user = actingUser(c.get("auth"), userId)
      return c.json(await messenger.send({ ...message, text, userId: user, unknownId: "refuse" }))
    },
  )

  app.get(
    "/v1/conversations/:id",
    operation({
      id: "getConversation",
      tag: "Conversations",
      summary: "Read a conversation",
      params: PARAMS,
      responses: { 200: { description: "The conversation", schema: ConversationView } },
      errors: FIND_ERRORS,
    }),
    async (c) => c.json(viewOf(await messenger.read(c.req.param("id"), c.get("auth").userId))),
  )

  app.delete(
    "/v1/conversations/:id",
    operation({
      id: "deleteConversation",
      tag: "Conversations",
      summary: "Delete a conversation",
      params: PARAMS,
      responses: { 200: { description: "The conversation is deleted", schema: DeletedConversation } },
      errors: FIND_ERRORS,
    }),
    async (c) => {
      const conversationId = c.req.param("id")
      await messenger.remove(conversationId, c.get("auth").userId)
      return c.json({ conversationId, deleted: true } satisfies z.infer<typeof DeletedConversation>)
    },
  )

  return app
}

/** What was said, without the work of tools. */
function viewOf(conversation: StoredConversation): z.infer<typeof ConversationView> {
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
