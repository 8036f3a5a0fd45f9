/** `/v1/calls/:sid/voice-messages`: messages that the caller left in a menu. */

import { Hono } from "hono"
import { z } from "zod"
import type { VoiceMessage } from "../../call/voice-message.ts"
import type { Env, ServerContext } from "../context.ts"
import { named, operation, withExamples } from "../openapi/operation.ts"
import { CALL_ERRORS, CALL_PARAMS, findCall } from "./find-call.ts"

const MESSAGE = {
  recordingSid: "RE0d1e2f3a4b5c60718293a4b5c6d7e8f9",
  menu: "receptionist",
  step: "message",
  status: "completed" as const,
  url: "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000000/Recordings/RE0d1e2f3a4b5c60718293a4b5c6d7e8f9",
  durationSeconds: 14,
  transcription: null,
  createdAt: "2026-11-20T19:37:58.204Z",
}

const MessageView = named(
  "VoiceMessage",
  z.object({
    recordingSid: z.string().describe("Twilio's SID of the recording"),
    menu: z.string(),
    step: z.string(),
    status: z
      .enum(["in-progress", "completed", "absent", "failed"])
      .describe("completed: the recording can be fetched; absent: it is silent"),
    url: z.string().describe("With .mp3 or .wav at its end; needs the credentials of the Twilio account"),
    durationSeconds: z.number().int().nullable(),
    transcription: z.string().nullable().describe("What was said, where the menu asks for it"),
    createdAt: z.iso.datetime(),
  }),
  MESSAGE,
)

const MessageList = withExamples(z.object({ voiceMessages: z.array(MessageView) }), {
  voiceMessages: [MESSAGE],
})

export function voiceMessageRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    "/v1/calls/:sid/voice-messages",
    operation({
      id: "listVoiceMessages",
      tag: "Results",
      summary: "List the messages that the caller left",
      params: CALL_PARAMS,
      responses: { 200: { description: "The messages, oldest first", schema: MessageList } },
      errors: CALL_ERRORS,
    }),
    async (c) => {
      const { id } = await findCall(context, c)
      const messages = await context.control.store.voiceMessages.of(id)
      return c.json({ voiceMessages: messages.map(voiceMessageView) })
    },
  )

  return app
}

export function voiceMessageView({
  callId: _call,
  createdAt,
  ...message
}: VoiceMessage): z.infer<typeof MessageView> {
  return { ...message, createdAt: new Date(createdAt).toISOString() }
}
