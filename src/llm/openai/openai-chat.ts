/** A `ChatModel` on Chat Completions, the dialect of OpenAI-compatible servers. (OpenAI: "Chat reference".) */

import type OpenAI from "openai"
import type { ToolSpec } from "../../call/tool-spec.ts"
import type { ChatItem, ChatModel, ChatRequest } from "../chat-model.ts"
import { isStrictSchema } from "../answer-format.ts"
import { ChatChunks } from "./chat-chunks.ts"
import { exchange } from "./streaming-request.ts"
import { isOpenAiHost, OPENAI_BASE_URL, openAiSource, type OpenAiSource } from "./openai-client.ts"
import { brokenStream } from "./openai-errors.ts"
import { quickSettings, type ModelSettings } from "./openai-models.ts"

type Body = OpenAI.Chat.ChatCompletionCreateParamsStreaming
type Message = OpenAI.Chat.ChatCompletionMessageParam

export type ChatCompletionsModelOptions = ModelSettings & {
  /** Left out for servers that want none. */
  apiKey?: string | undefined
  baseUrl?: string | undefined
  model: string
  /** Shares one client among models. */
  client?: OpenAiSource | undefined
}

/** Other servers than OpenAI's get only what is configured: they refuse or misread what they do not know. */
export function createChatCompletionsModel({
  apiKey,
  baseUrl = OPENAI_BASE_URL,
  client = openAiSource({ apiKey, baseUrl }),
  model,
  ...settings
}: ChatCompletionsModelOptions): ChatModel {
  const atOpenAi = isOpenAiHost(baseUrl)
  const fixed = { model, stream: true as const, ...settingFields(model, settings, atOpenAi) }
  let takesStreamOptions = true
  let takesFormat = true
  return {
    name: `openai-compatible:${model}`,
    async *reply(request, signal) {
      const body: Body = { ...fixed, ...requestFields(request, atOpenAi) }
      const chunks = exchange({ open, signal })
      async function open(connection: AbortSignal) {
        const { completions } = (await client()).chat
        for (;;) {
          const sent: Body = {
            ...body,
            ...(takesStreamOptions ? { stream_options: { include_usage: true } } : {}),
            ...(takesFormat ? formatField(request) : {}),
          }
          try {
            return await completions.create(sent, { signal: connection })
          } catch (error) {
            const words = error instanceof Error ? error.message : ""
            if (sent.stream_options && /stream_options|include_usage/.test(words)) takesStreamOptions = false
            else if (sent.response_format && /response_format|json_schema/.test(words)) takesFormat = false
            else throw error
          }
        }
      }
      const answer = new ChatChunks(request)
      try {
        for await (const chunk of chunks) yield* answer.read(chunk)
      } catch (error) {
        // What breaks after the answer is complete is no loss.
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

function requestFields(request: ChatRequest, atOpenAi: boolean) {
  const { instructions, items, tools, toolChoice, cacheKey, safetyId } = request
  // Many servers ignore `none`; without tools every server answers in words. OpenAI keeps its cache with them.
  const offered = toolChoice === "none" && !atOpenAi ? [] : tools
  return {
    messages: [...message("system", instructions), ...toMessages(items)],
    ...(offered.length === 0 ? {} : { tools: offered.map(toTool) }),
    ...(offered.length === 0 || !atOpenAi ? {} : { tool_choice: toolChoice, parallel_tool_calls: true }),
    ...(atOpenAi ? { prompt_cache_key: cacheKey, safety_identifier: safetyId } : {}),
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

/** Calls that stand together, with the words before them, are one message. */
function toMessages(items: readonly ChatItem[]): Message[] {
  const messages: Message[] = []
  for (const item of items) {
    switch (item.type) {
      case "message":
        messages.push(...message(item.role, item.text))
        break
      case "tool-call": {
        const { callId: id, name, arguments: args } = item
        const call = { id, type: "function" as const, function: { name, arguments: args } }
        const last = messages.at(-1)
        if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), call]
        else messages.push({ role: "assistant", content: null, tool_calls: [call] })
        break
      }
      case "tool-result":
        messages.push({ role: "tool", tool_call_id: item.callId, content: item.output })
        break
      case "opaque":
        break
      default:
        item satisfies never
    }
  }
  return messages
}

function message(role: "user" | "assistant" | "system", content: string): Message[] {
  return content === "" ? [] : [{ role, content }]
}
