/** A `ChatModel` on Chat Completions, the dialect of OpenAI-compatible servers. (OpenAI: "Chat reference".) */

import type OpenAI from "openai"
import type { ToolSpec } from "../../call/tool-spec.ts"
import type { ChatModel, ChatRequest } from "../chat-model.ts"
import { isStrictSchema } from "../answer-format.ts"
import { ChatChunks } from "./chat-chunks.ts"
import { chatMessages } from "./chat-messages.ts"
import { END, readChatStream } from "./chat-stream.ts"
import { adapted, newDialect, type Dialect, type Roles } from "./dialect.ts"
import { streamRequest } from "./streaming-request.ts"
import {
  isOpenAiHost,
  OPENAI_BASE_URL,
  openAiSource,
  type OpenAiSource,
  requestOptions,
} from "./openai-client.ts"
import { brokenStream } from "./openai-errors.ts"
import { quickSettings, type ModelSettings } from "./openai-models.ts"

type Body = OpenAI.Chat.ChatCompletionCreateParamsStreaming

export type ChatCompletionsModelOptions = ModelSettings & {
  /** Omitted for servers without accounts. */
  apiKey?: string | undefined
  baseUrl?: string | undefined
  model: string
  /** Known properties of the server; more are learned from its error responses. */
  roles?: Roles | undefined
  /** Shares one client among models. */
  client?: OpenAiSource | undefined
}

/** Servers other than OpenAI's get only configured settings: they refuse or misread unknown fields. */
export function createChatCompletionsModel({
  apiKey,
  baseUrl = OPENAI_BASE_URL,
  client = openAiSource({ apiKey, baseUrl }),
  model,
  roles = "any",
  ...settings
}: ChatCompletionsModelOptions): ChatModel {
  const atOpenAi = isOpenAiHost(baseUrl)
  const fixed = { model, stream: true as const, ...settingFields(model, settings, atOpenAi) }
  let dialect = newDialect(roles)
  return {
    name: `openai-compatible:${model}`,
    async *reply(request, signal) {
      const events = streamRequest({ open, signal, isLast: (event) => event === END })
      async function open(connection: AbortSignal) {
        const { completions } = (await client()).chat
        for (;;) {
          const sent: Body = { ...fixed, ...requestFields(request, atOpenAi, dialect) }
          try {
            return readChatStream(
              await completions.create(sent, requestOptions(request, connection)).asResponse(),
            )
          } catch (error) {
            const better = adapted(dialect, error)
            if (!better || connection.aborted) throw error
            dialect = better
          }
        }
      }
      const answer = new ChatChunks(request)
      try {
        for await (const event of events) {
          if (event === END) answer.done()
          else yield* answer.read(event.chunk)
        }
      } catch (error) {
        // A failure after the complete answer does not matter.
        if (!answer.isComplete) throw error
      }
      if (signal.aborted) return
      if (!answer.isComplete) throw brokenStream("broke off before its end")
      yield* answer.end()
    },
  }
}

function settingFields(model: string, settings: ModelSettings, atOpenAi: boolean) {
  const quick = atOpenAi ? quickSettings(model) : {}
  const effort = settings.reasoningEffort ?? quick.reasoningEffort
  const verbosity = settings.verbosity ?? quick.verbosity
  const { temperature, maxOutputTokens: limit } = settings
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(limit === undefined ? {} : atOpenAi ? { max_completion_tokens: limit } : { max_tokens: limit }),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK knows fewer than the API
    ...(effort ? { reasoning_effort: effort as OpenAI.ReasoningEffort } : {}),
    ...(verbosity ? { verbosity } : {}),
  } satisfies Partial<Body>
}

function requestFields(request: ChatRequest, atOpenAi: boolean, dialect: Dialect) {
  const { tools, toolChoice, cacheKey, safetyId } = request
  // Many servers ignore `none`, so the tools are omitted. OpenAI gets them, which keeps its prompt cache.
  const offered = toolChoice === "none" && !atOpenAi ? [] : tools
  return {
    messages: chatMessages(request, dialect),
    ...(offered.length === 0 ? {} : { tools: offered.map(toTool) }),
    ...(offered.length === 0 || !atOpenAi ? {} : { tool_choice: toolChoice, parallel_tool_calls: true }),
    ...(atOpenAi ? { prompt_cache_key: cacheKey, safety_identifier: safetyId } : {}),
    ...(dialect.streamOptions ? { stream_options: { include_usage: true } } : {}),
    ...(dialect.responseFormat ? formatField(request) : {}),
  } satisfies Partial<Body>
}

function formatField({ format }: ChatRequest): Partial<Body> {
  if (!format) return {}
  const { name, schema } = format
  const answer = { name, schema: { ...schema }, strict: isStrictSchema(schema) }
  return { response_format: { type: "json_schema", json_schema: answer } }
}

function toTool({ name, description, parameters, strict }: ToolSpec) {
  return {
    type: "function" as const,
    function: { name, description, parameters, ...(strict ? { strict } : {}) },
  }
}
