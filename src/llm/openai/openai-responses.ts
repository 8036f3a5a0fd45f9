/** A `ChatModel` on OpenAI's Responses API: stateless, streamed, nothing stored. (OpenAI: "Streaming responses".) */

import type OpenAI from "openai"
import type { ToolSpec } from "../../call/tool-spec.ts"
import type { ChatItem, ChatModel, ChatRequest } from "../chat-model.ts"
import { isStrictSchema } from "../answer-format.ts"
import { streamRequest } from "./streaming-request.ts"
import {
  isOpenAiHost,
  OPENAI_BASE_URL,
  openAiSource,
  type OpenAiSource,
  requestOptions,
} from "./openai-client.ts"
import { brokenStream } from "./openai-errors.ts"
import { quickSettings, reasons, type ModelSettings } from "./openai-models.ts"
import { BACK_END, isLastEvent, ResponseEvents } from "./response-events.ts"
import { readResponseStream } from "./response-stream.ts"
import { SpokenFilter } from "../reasoning-filter.ts"

type Body = OpenAI.Responses.ResponseCreateParamsStreaming
type InputItem = OpenAI.Responses.ResponseInputItem

/** Smallest `max_output_tokens` that the API takes. (OpenAI: "Responses reference".) */
const MIN_OUTPUT_TOKENS = 16

export type ResponsesModelOptions = ModelSettings & {
  apiKey?: string | undefined
  baseUrl?: string | undefined
  model: string
  /** Shares one client among models. */
  client?: OpenAiSource | undefined
}

/** Without `reasoningEffort` and `verbosity` a model that knows them is asked for quick and brief answers. */
export function createResponsesModel({
  apiKey,
  baseUrl = OPENAI_BASE_URL,
  client = openAiSource({ apiKey, baseUrl }),
  model,
  ...settings
}: ResponsesModelOptions): ChatModel {
  const fixed = fixedFields(model, settings)
  // Only other servers mix reasoning into the text.
  const mayThinkAloud = !isOpenAiHost(baseUrl)
  return {
    name: `openai:${model}`,
    async *reply(request, signal) {
      const body: Body = { ...fixed, ...requestFields(request), ...formatField(request, fixed) }
      const events = streamRequest({
        async open(connection) {
          const { responses } = await client()
          return readResponseStream(
            await responses.create(body, requestOptions(request, connection)).asResponse(),
          )
        },
        isLast: isLastEvent,
        signal,
      })
      const reader = new ResponseEvents()
      const filter = mayThinkAloud ? new SpokenFilter() : undefined
      for await (const event of events) {
        for (const part of reader.read(event)) {
          if (filter && part.type === "end") {
            const rest = filter.flush()
            if (rest !== "") yield { type: "text", text: rest }
          }
          if (!filter || part.type !== "text") yield part
          else {
            const text = filter.push(part.text)
            if (text !== "") yield { ...part, text }
          }
          if (part.type === "end") return
        }
      }
      if (!signal.aborted) throw brokenStream("broke off before its end")
    },
  }
}

function fixedFields(model: string, settings: ModelSettings) {
  const quick = quickSettings(model)
  const effort = settings.reasoningEffort ?? quick.reasoningEffort
  const verbosity = settings.verbosity ?? quick.verbosity
  const { temperature, maxOutputTokens } = settings
  return {
    model,
    stream: true,
    store: false,
    stream_options: { include_obfuscation: false },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK knows fewer than the API
    ...(effort ? { reasoning: { effort: effort as OpenAI.ReasoningEffort } } : {}),
    ...(reasons(model, effort) ? { include: ["reasoning.encrypted_content" as const] } : {}),
    ...(verbosity ? { text: { verbosity } } : {}),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined
      ? {}
      : { max_output_tokens: Math.max(MIN_OUTPUT_TOKENS, maxOutputTokens) }),
  } satisfies Partial<Body>
}

function requestFields({ instructions, items, tools, toolChoice, cacheKey, safetyId }: ChatRequest) {
  return {
    ...(instructions === "" ? {} : { instructions }),
    input: items.flatMap(toInput),
    ...(tools.length === 0
      ? {}
      : { tools: tools.map(toTool), tool_choice: toolChoice, parallel_tool_calls: true }),
    prompt_cache_key: cacheKey,
    safety_identifier: safetyId,
  } satisfies Partial<Body>
}

/** Verbosity and format share one field. */
function formatField({ format }: ChatRequest, fixed: Partial<Body>): Partial<Body> {
  if (!format) return {}
  const { name, schema } = format
  const answer = { type: "json_schema" as const, name, schema: { ...schema }, strict: isStrictSchema(schema) }
  return { text: { ...fixed.text, format: answer } }
}

function toTool({ name, description, parameters, strict = false }: ToolSpec) {
  return { type: "function" as const, name, description, parameters, strict }
}

function toInput(item: ChatItem): InputItem[] {
  switch (item.type) {
    case "message": {
      const { role, text, phase } = item
      if (text === "") return []
      if (role !== "assistant" || phase === undefined) return [{ type: "message", role, content: text }]
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a phase goes back as it came
      return [{ type: "message", role, content: text, phase: phase as "commentary" }]
    }
    case "tool-call":
      return [{ type: "function_call", call_id: item.callId, name: item.name, arguments: item.arguments }]
    case "tool-result":
      return [{ type: "function_call_output", call_id: item.callId, output: item.output }]
    case "opaque":
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it came from this API
      return item.backEnd === BACK_END ? [item.item as InputItem] : []
    default:
      return item satisfies never
  }
}
