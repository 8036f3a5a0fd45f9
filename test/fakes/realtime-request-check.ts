/** Whether OpenAI's Realtime server would take a client event: its own schema, and rules that stand only in words. */

import Ajv2020 from "ajv/dist/2020"
import addFormats from "ajv-formats"
import { z } from "zod"
import schema from "../fixtures/openai/realtime.schema.json"

const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }))
ajv.addSchema(schema)

const SCHEMAS: Readonly<Record<string, string>> = {
  "session.update": "SessionUpdate",
  "input_audio_buffer.append": "InputAudioBufferAppend",
  "input_audio_buffer.commit": "InputAudioBufferCommit",
  "input_audio_buffer.clear": "InputAudioBufferClear",
  "conversation.item.create": "ConversationItemCreate",
  "conversation.item.truncate": "ConversationItemTruncate",
  "conversation.item.delete": "ConversationItemDelete",
  "response.create": "ResponseCreate",
  "response.cancel": "ResponseCancel",
}

const ClientEvent = z.looseObject({ type: z.string(), event_id: z.string().optional() })
export type ClientEvent = z.output<typeof ClientEvent>

/** A frame of a client; undefined for binary ones and for what is no event. */
export function parseClientEvent(text: string | Buffer): ClientEvent | undefined {
  try {
    return ClientEvent.safeParse(typeof text === "string" ? JSON.parse(text) : undefined).data
  } catch {
    return undefined
  }
}

/** What is wrong with the event; empty when nothing is. */
export function clientEventFaults(event: ClientEvent): string[] {
  const name = SCHEMAS[event.type]
  if (name === undefined) return [`unknown event type ${event.type}`]
  const validate = ajv.getSchema(`${schema.$id}#/$defs/RealtimeClientEvent${name}`)
  if (!validate) throw new Error(`no schema for ${event.type}`)
  if (!validate(event)) return [`${event.type}: ${ajv.errorsText(validate.errors)}`]
  return event.type === "session.update" ? sessionFaults(event["session"]) : []
}

const Session = z.looseObject({
  model: z.string().optional(),
  output_modalities: z.array(z.string()).optional(),
  audio: z
    .looseObject({
      input: z
        .looseObject({
          turn_detection: z.unknown().optional(),
          transcription: z
            .looseObject({
              model: z.string().optional(),
              language: z.string().optional(),
              languages: z.array(z.string()).optional(),
              keywords: z.array(z.string()).optional(),
            })
            .nullish(),
        })
        .optional(),
    })
    .optional(),
  tools: z.array(z.looseObject({ name: z.string().optional() })).optional(),
})

function sessionFaults(session: unknown): string[] {
  const { output_modalities: modalities, audio, tools = [] } = Session.parse(session)
  const transcription = audio?.input?.transcription
  const isOfToday = /^gpt-(?:live-)?transcribe/.test(transcription?.model ?? "")
  return [
    ...((modalities?.length ?? 1) === 1 ? [] : ["output_modalities holds audio or text, never both"]),
    ...(transcription?.language && transcription.languages ? ["language together with languages"] : []),
    ...(transcription?.languages && !isOfToday ? ["languages with a model that takes one language"] : []),
    ...(transcription?.keywords && !isOfToday ? ["keywords with a model that takes none"] : []),
    ...(/^gpt-(?:live-transcribe|realtime-whisper)/.test(transcription?.model ?? "") &&
    audio?.input?.turn_detection
      ? ["turn detection is not supported for this transcription model"]
      : []),
    ...tools.flatMap(({ name = "" }) => (/^[a-zA-Z0-9_-]{1,64}$/.test(name) ? [] : [`tool name ${name}`])),
  ]
}
