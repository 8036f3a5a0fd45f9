/** Creates the text model that a configuration selects. */

import { AppError } from "../lib/errors.ts"
import { ChatModelError, type ChatModel } from "./chat-model.ts"
import { createDemoModel } from "./demo/demo-model.ts"
import { createFlowiseModel, type FlowiseModelOptions } from "./flowise/flowise.ts"
import { createChatCompletionsModel } from "./openai/openai-chat.ts"
import type { Roles } from "./openai/dialect.ts"
import { isOpenAiHost, OPENAI_BASE_URL, openAiSource } from "./openai/openai-client.ts"
import { DEFAULT_MODEL, type ModelSettings } from "./openai/openai-models.ts"
import { createResponsesModel } from "./openai/openai-responses.ts"

export type ModelChoice = ModelSettings & {
  provider: "auto" | "openai" | "openai-compatible" | "flowise" | "demo"
  /** For Flowise: the id of a flow. */
  name?: string | undefined
  baseUrl?: string | undefined
  /** For Chat Completions only. */
  roles?: Roles | undefined
}

export type ModelKeys = {
  openaiApiKey?: string | undefined
  openaiBaseUrl?: string | undefined
  openaiModel?: string | undefined
  flowise?: { [Name in keyof FlowiseModelOptions]?: FlowiseModelOptions[Name] | undefined } | undefined
}

/**
 * Creates the model. Reuse it: it owns the connections. `choice` takes precedence over `keys`. `auto` selects OpenAI if
 * there is a key, a compatible server if there is only an address, and the built-in demo otherwise.
 * Throws `AppError` NOT_CONFIGURED for an OpenAI model without a key, for an invalid address, and for a flow
 * without address or id.
 */
export function createChatModel(choice: ModelChoice, keys: ModelKeys): ChatModel {
  const { provider, name, baseUrl: chosenUrl, roles, ...settings } = choice
  const apiKey = keys.openaiApiKey
  const ownUrl = chosenUrl ?? keys.openaiBaseUrl
  const baseUrl = ownUrl ?? OPENAI_BASE_URL
  if (provider === "flowise") return flowiseModel(choice, keys)
  if (provider === "demo" || (provider === "auto" && !apiKey && !ownUrl)) return createDemoModel()
  if (!URL.canParse(baseUrl))
    throw new AppError("NOT_CONFIGURED", `The model's address is not a URL: ${baseUrl}`)
  if (!apiKey && (provider === "openai" || isOpenAiHost(baseUrl))) {
    throw new AppError("NOT_CONFIGURED", "OpenAI's models need a key: set OPENAI_API_KEY")
  }
  const model = name ?? keys.openaiModel ?? DEFAULT_MODEL
  const client = openAiSource({ apiKey, baseUrl })
  const options = { ...settings, apiKey, baseUrl, model, client }
  if (provider === "openai-compatible" || !apiKey) return createChatCompletionsModel({ ...options, roles })
  const responses = createResponsesModel(options)
  if (provider === "openai" || isOpenAiHost(baseUrl)) return responses
  return firstThatIsThere(responses, createChatCompletionsModel({ ...options, roles }))
}

function flowiseModel({ name, baseUrl: chosenUrl }: ModelChoice, { flowise = {} }: ModelKeys): ChatModel {
  const baseUrl = chosenUrl ?? flowise.baseUrl
  const flowId = name ?? flowise.flowId
  if (baseUrl === undefined || !URL.canParse(baseUrl)) {
    throw new AppError("NOT_CONFIGURED", "Flowise needs an address: set FLOWISE_BASE_URL")
  }
  if (flowId === undefined) {
    throw new AppError(
      "NOT_CONFIGURED",
      "Flowise needs a flow: set FLOWISE_FLOW_ID, or the agent's model name",
    )
  }
  return createFlowiseModel({ ...flowise, baseUrl, flowId })
}

/** Statuses of a server without this path. */
const ABSENT = new Set([404, 405, 501])

/** Asks `preferred` until its path turns out to be missing; after the first answer of `other`, only `other`. */
function firstThatIsThere(preferred: ChatModel, other: ChatModel): ChatModel {
  let settled: ChatModel | undefined
  async function* ask(model: ChatModel, ...[request, signal]: Parameters<ChatModel["reply"]>) {
    for await (const part of model.reply(request, signal)) {
      settled = model
      yield part
    }
  }
  return {
    get name() {
      return (settled ?? preferred).name
    },
    async *reply(request, signal) {
      const first = settled ?? preferred
      let began = false
      try {
        for await (const part of ask(first, request, signal)) {
          began = true
          yield part
        }
      } catch (error) {
        const isAbsent = error instanceof ChatModelError && ABSENT.has(error.status ?? 0)
        if (began || first === other || settled === preferred || !isAbsent) throw error
        yield* ask(other, request, signal)
      }
    },
  }
}
