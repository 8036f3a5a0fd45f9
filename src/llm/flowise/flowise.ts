/** A `ChatModel` on a chatflow or agentflow of Flowise. (Flowise: "Prediction", "Streaming".) */

import { z } from "zod"
import { messageOf } from "../../lib/errors.ts"
import { getLog } from "../../lib/log.ts"
import type { ChatModel, ChatRequest } from "../chat-model.ts"
import { streamRequest } from "../openai/streaming-request.ts"
import { FlowiseAnswer } from "./flowise-answer.ts"
import { readFlowiseEvents, type FlowiseEvent } from "./flowise-events.ts"
import { questionOf, type FlowiseQuestion } from "./flowise-question.ts"
import { brokenStream } from "../openai/openai-errors.ts"

export type FlowiseModelOptions = {
  /** Address of the server, with or without `/api/v1`. */
  baseUrl: string
  /** Left out for public flows. */
  apiKey?: string | undefined
  flowId: string
  /**
   * `own`: each answer is a new session that gets the history of what the caller heard; the flow needs no memory.
   * `flowise`: one session for the call; the flow also remembers text that an interrupted caller did not hear.
   */
  memory?: "own" | "flowise" | undefined
  /** Sends the instructions as `overrideConfig.systemMessage`; the flow must allow the override. */
  systemMessage?: boolean | undefined
}

const ABORT_TIMEOUT_MS = 5_000

const log = getLog("llm")

/** The fields of a non-streamed answer that are read. Without `text` nothing is spoken. */
const PlainAnswer = z.object({ text: z.string().nullish() })
const Refusal = z.object({ message: z.string() })

/**
 * Tools run inside Flowise; the tools of the request are not sent. The flow controls the call by markers in its
 * text: `[[end-call]]` or `[[live-agent-handoff: summary]]` calls that tool, if the request has it, and is not spoken.
 * Other text is passed on unchanged; the flow's prompt should forbid Markdown. Facts about the call are sent as
 * `overrideConfig.vars`; Flowise ignores values that may not be overridden.
 */
export function createFlowiseModel(options: FlowiseModelOptions): ChatModel {
  const { apiKey, flowId } = options
  const api = `${options.baseUrl.replace(/\/+$/, "").replace(/\/api\/v1$/, "")}/api/v1`
  const flow = encodeURIComponent(flowId)
  const key: Record<string, string> = apiKey ? { Authorization: `Bearer ${apiKey}` } : {}

  /** The flow keeps running after its connection is closed. (Flowise source: `chatmessage/abort`.) */
  async function stopFlow(chatId: string): Promise<void> {
    try {
      await fetch(`${api}/chatmessage/abort/${flow}/${chatId}`, {
        method: "PUT",
        headers: key,
        signal: AbortSignal.timeout(ABORT_TIMEOUT_MS),
      })
    } catch (error) {
      log.debug("a flow could not be stopped", { error: messageOf(error) })
    }
  }

  return {
    name: `flowise:${flowId}`,
    async *reply(request, signal) {
      if (signal.aborted) return
      const question = questionOf(request)
      if (!question) {
        yield { type: "end", reason: "stop" }
        return
      }
      // Flowise identifies streams by this id: two answers with the same id would be mixed.
      const chatId = crypto.randomUUID()
      const body = JSON.stringify(bodyOf(options, request, { ...question, chatId }))
      const answer = new FlowiseAnswer(request)
      let running = true
      async function open(connection: AbortSignal): Promise<AsyncIterable<FlowiseEvent>> {
        const response = await fetch(`${api}/prediction/${flow}`, {
          method: "POST",
          headers: {
            ...key,
            "Content-Type": "application/json",
            Accept: "text/event-stream, application/json",
          },
          body,
          redirect: "manual",
          keepalive: request.freshConnection !== true,
          signal: connection,
        })
        running = response.ok
        return eventsOf(response)
      }
      try {
        for await (const event of streamRequest({ open, signal, isLast: ({ event }) => event === "end" })) {
          if (isLastEvent(event)) running = false
          yield* answer.read(event)
        }
        if (signal.aborted) return
        if (!answer.isComplete) throw brokenStream("broke off before its end")
        yield* answer.end()
      } finally {
        if (running) log.background("stopping a flow", stopFlow(chatId))
      }
    },
  }
}

function bodyOf(
  { memory = "own", systemMessage = false }: FlowiseModelOptions,
  { instructions, facts = {}, conversationId }: ChatRequest,
  { question, history, chatId }: FlowiseQuestion & { chatId: string },
) {
  const remembered = memory === "flowise" && conversationId !== undefined
  return {
    question,
    streaming: true,
    chatId,
    overrideConfig: {
      sessionId: remembered ? conversationId : chatId,
      ...(Object.keys(facts).length > 0 ? { vars: facts } : {}),
      ...(systemMessage ? { systemMessage: instructions } : {}),
    },
    ...(remembered || history.length === 0 ? {} : { history }),
  }
}

/** A flow that cannot stream answers with plain JSON even if a stream is requested. */
async function eventsOf(response: Response): Promise<AsyncIterable<FlowiseEvent>> {
  const type = response.headers.get("content-type") ?? ""
  if (!response.ok) {
    const refusal = Refusal.safeParse(await response.json().catch(() => undefined)).data
    const words = refusal?.message ?? `Flowise answered ${response.status}`
    throw Object.assign(new Error(words), { status: response.status, headers: response.headers })
  }
  if (/^text\/event-stream\b/i.test(type) && response.body) return readFlowiseEvents(response.body)
  if (!/^application\/json\b/i.test(type)) throw brokenStream("is neither an event stream nor JSON")
  return plainEvents(response)
}

async function* plainEvents(response: Response): AsyncGenerator<FlowiseEvent> {
  const answer = PlainAnswer.safeParse(await response.json())
  if (!answer.success) throw brokenStream("is not in the form of a prediction", answer.error)
  if (answer.data.text) yield { event: "token", data: answer.data.text }
  yield { event: "end", data: "[DONE]" }
}

/** Whether the flow has finished with this event. */
function isLastEvent({ event, data }: FlowiseEvent): boolean {
  if (event === "agentFlowEvent") return data !== "INPROGRESS" && data !== "FINISHED"
  return event === "end" || event === "error" || event === "abort"
}
