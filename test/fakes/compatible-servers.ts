/**
 * Imitations of servers that speak Chat Completions, on a port of their own: how each streams, and what each refuses, as
 * their documentation and issue trackers show it. Sources stand in `docs/models.md`.
 */

import { z } from "zod"

const Message = z.looseObject({
  role: z.string(),
  content: z.unknown().optional(),
  tool_calls: z.array(z.looseObject({ id: z.string(), extra_content: z.unknown().optional() })).optional(),
  tool_call_id: z.string().optional(),
  reasoning_content: z.string().optional(),
})
type Message = z.infer<typeof Message>
const Body = z.looseObject({
  model: z.string(),
  stream: z.boolean(),
  messages: z.array(Message),
  tools: z.array(z.unknown()).optional(),
  stream_options: z.looseObject({ include_usage: z.boolean() }).optional(),
})
type Body = z.infer<typeof Body>

/** What a server answers: a call of `order-status` for number 7, or "It is on its way." */
export type Answer = "call" | "words"

type Habit = {
  /** Why it would not answer this request. */
  refuse?: (body: Body) => Response | undefined
  /** The body of the stream. */
  stream: (answer: Answer, body: Body) => string
}

const json = (value: unknown, status: number) => Response.json(value, { status })
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const DONE = "data: [DONE]\n\n"
const USAGE = { prompt_tokens: 40, completion_tokens: 9, total_tokens: 49 }
const ARGS = '{"number":7}'

function chunk(delta: unknown, finish: string | null = null, more: object = {}): string {
  const choice = { index: 0, delta, finish_reason: finish }
  return data({
    id: "c",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [choice],
    ...more,
  })
}

/** Words in three pieces. */
function words(end: string): string {
  return ["It is ", "on its", " way."].map((content) => chunk({ content })).join("") + end
}

const usageChunk = (body: Body, more: object = {}) =>
  body.stream_options?.include_usage ? data({ choices: [], usage: USAGE, ...more }) : ""

const call = (fields: object) => chunk({ tool_calls: [fields] })

/** What a chat template that wants turns says of the messages; undefined when they suit it. */
function templateFault(messages: readonly Message[]): string | undefined {
  const [first, ...rest] = messages
  const turns = (first?.role === "system" ? rest : messages).filter(
    ({ role, tool_calls: calls }) => role !== "tool" && !calls,
  )
  const roles = turns.map(({ role }) => role)
  return roles.every((role, at) => role === (at % 2 === 0 ? "user" : "assistant"))
    ? undefined
    : "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
}

/** The role that must not stand where it does, by the rules of Mistral's API. */
function mistralFault(messages: readonly Message[]): string | undefined {
  for (const [at, { role, tool_calls: calls = [], tool_call_id: id }] of messages.entries()) {
    const before = messages[at - 1]?.role
    if (before === "tool" && role === "user") return "Unexpected role 'user' after role 'tool'"
    if (before !== undefined && role === "system") return `Unexpected role 'system' after role '${before}'`
    for (const callId of [...calls.map((made) => made.id), ...(id === undefined ? [] : [id])]) {
      if (!/^[a-zA-Z0-9]{9}$/.test(callId)) {
        return `Tool call id was ${callId} but must be a-z, A-Z, 0-9, with a length of 9.`
      }
    }
  }
  const last = messages.at(-1)?.role ?? "none"
  return last === "user" || last === "tool"
    ? undefined
    : `Expected last role User or Tool (or Assistant with prefix True) for serving but got ${last}`
}

const HABITS = {
  "vLLM with a template that wants turns": {
    refuse({ messages }) {
      const message = templateFault(messages)
      return message === undefined
        ? undefined
        : json({ object: "error", message, type: "BadRequestError", param: null, code: 400 }, 400)
    },
    stream: (answer, body) =>
      chunk({ role: "assistant", content: "" }) +
      chunk({ reasoning: "The caller wants to know." }) +
      (answer === "words"
        ? words(chunk({}, "stop", { stop_reason: null }))
        : call({ index: 0, id: "chatcmpl-tool-1", type: "function", function: { name: "order-status" } }) +
          call({ index: 0, function: { arguments: ARGS.slice(0, 5) } }) +
          call({ index: 0, function: { arguments: ARGS.slice(5) } }) +
          chunk({ content: "" }, "tool_calls")) +
      usageChunk(body) +
      DONE,
  },
  "vLLM with a template without a system role": {
    refuse({ messages }) {
      const message = messages.some(({ role }) => role === "system")
        ? "System role not supported"
        : templateFault(messages)
      return message === undefined
        ? undefined
        : json({ error: { message, type: "BadRequestError", param: null, code: 400 } }, 400)
    },
    stream: (answer, body) =>
      (answer === "words"
        ? words(chunk({}, "stop"))
        : call({ index: 0, id: "chatcmpl-tool-1", function: { name: "order-status", arguments: ARGS } }) +
          chunk({}, "stop")) +
      usageChunk(body) +
      DONE,
  },
  "llama.cpp": {
    refuse({ messages }) {
      const message = templateFault(messages)
      return message === undefined
        ? undefined
        : json({ error: { code: 500, message: `Jinja Exception: ${message}`, type: "server_error" } }, 500)
    },
    stream: (answer, body) =>
      chunk({ role: "assistant", content: null }) +
      chunk({ reasoning_content: "Hm." }) +
      (answer === "words"
        ? words(chunk({}, "stop"))
        : call({ index: 0, id: "", type: "function", function: { name: "order-status", arguments: "{" } }) +
          call({ index: 0, function: { arguments: ARGS.slice(1) } }) +
          chunk({}, "tool_calls")) +
      usageChunk(body, { timings: { predicted_n: 9 } }) +
      DONE,
  },
  Ollama: {
    stream: (answer, body) =>
      chunk({ role: "assistant", content: "", reasoning: "Hm." }) +
      (answer === "words"
        ? words(chunk({ role: "assistant", content: "" }, "stop"))
        : call({
            index: 0,
            id: "call_x",
            type: "function",
            function: { name: "order-status", arguments: ARGS },
          }) + chunk({ role: "assistant", content: "" }, "tool_calls")) +
      usageChunk(body) +
      DONE,
  },
  "LM Studio": {
    stream: (answer) =>
      answer === "words"
        ? words(chunk({}, "stop"))
        : call({
            index: 0,
            id: "123456789",
            type: "function",
            function: { name: "order-status", arguments: "" },
          }) +
          call({ index: 0, function: { name: "", arguments: ARGS } }) +
          chunk({}, "tool_calls"),
  },
  Mistral: {
    refuse(body) {
      if (body.stream_options) {
        const detail = [
          { type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" },
        ]
        return json({ object: "error", message: { detail }, type: "invalid_request_error" }, 422)
      }
      const message = mistralFault(body.messages)
      return message === undefined
        ? undefined
        : json({ object: "error", message, type: "invalid_request_message_order", code: "3230" }, 400)
    },
    stream: (answer) =>
      chunk({ role: "assistant", content: "" }) +
      chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "Hm." }] }] }) +
      (answer === "words"
        ? chunk({ content: [{ type: "text", text: "It is " }] }) +
          chunk({ content: "on its way." }) +
          chunk({ content: "" }, "stop", { usage: USAGE })
        : chunk(
            {
              content: "",
              tool_calls: [
                { index: 0, id: "D681PevKs", function: { name: "order-status", arguments: ARGS } },
              ],
            },
            "tool_calls",
            { usage: USAGE },
          )) +
      DONE,
  },
  Groq: {
    refuse({ messages }) {
      const at = messages.findIndex((message) => "reasoning_content" in message)
      return at === -1
        ? undefined
        : json({ error: { message: `'messages.${at}' : property 'reasoning_content' is unsupported` } }, 400)
    },
    stream: (answer) =>
      chunk({ role: "assistant", content: "" }, null, { x_groq: { id: "req_1" } }) +
      chunk({ reasoning: "Hm." }) +
      (answer === "words"
        ? words(chunk({}, "stop", { x_groq: { id: "req_1", usage: USAGE } }))
        : call({
            index: 0,
            id: "call_1",
            type: "function",
            function: { name: "order-status", arguments: ARGS },
          }) + chunk({}, "tool_calls", { x_groq: { id: "req_1", usage: USAGE } })) +
      DONE,
  },
  DeepSeek: {
    refuse({ messages }) {
      const thinks = messages.some(({ tool_calls: calls }) => calls)
      const forgot = messages.some(
        ({ role, reasoning_content: text = "" }) => role === "assistant" && text === "",
      )
      const message = "The `reasoning_content` in the thinking mode must be passed back to the API."
      return thinks && forgot
        ? json(
            { error: { message, type: "invalid_request_error", param: null, code: "invalid_request_error" } },
            400,
          )
        : undefined
    },
    stream: (answer) =>
      ": keep-alive\n\n: keep-alive\n\n" +
      chunk({ role: "assistant", content: null, reasoning_content: "Hm, " }) +
      chunk({ content: null, reasoning_content: "the number is 7." }) +
      (answer === "words"
        ? words(chunk({ content: "" }, "stop", { usage: { ...USAGE, prompt_cache_hit_tokens: 32 } }))
        : call({
            index: 0,
            id: "call_00_a",
            type: "function",
            function: { name: "order-status", arguments: "" },
          }) +
          call({ index: 0, function: { arguments: ARGS } }) +
          chunk({ content: "" }, "tool_calls", { usage: { ...USAGE, prompt_cache_hit_tokens: 32 } })) +
      DONE,
  },
  Gemini: {
    refuse({ messages }) {
      const calls = messages.flatMap(({ tool_calls: made = [] }) => made)
      const unsigned = calls.some(
        ({ extra_content: extra }) => !JSON.stringify(extra ?? "").includes("thought_signature"),
      )
      const message = "Function call is missing a thought_signature in functionCall parts."
      return unsigned ? json([{ error: { code: 400, message, status: "INVALID_ARGUMENT" } }], 400) : undefined
    },
    stream(answer) {
      const usage = { usage: USAGE }
      const signed = { google: { thought_signature: "EjQKMgEM" } }
      return answer === "words"
        ? ["It is on", " its way."]
            .map((content) => chunk({ role: "assistant", content }, null, usage))
            .join("") +
            chunk({ role: "assistant" }, "stop", usage) +
            DONE
        : chunk(
            {
              role: "assistant",
              tool_calls: [
                {
                  extra_content: signed,
                  function: { arguments: ARGS, name: "order-status" },
                  id: "jm4owj31",
                  type: "function",
                },
              ],
            },
            "stop",
            usage,
          ) + DONE
    },
  },
  Anthropic: {
    refuse({ messages }) {
      const last = messages.at(-1)?.role
      const message = messages.some(({ content, tool_calls: calls }) => content === "" && !calls)
        ? "messages: text content blocks must be non-empty"
        : last === "assistant" || last === "system"
          ? "This model does not support assistant message prefill. The conversation must end with a user message."
          : undefined
      return message === undefined
        ? undefined
        : json(
            { error: { code: "invalid_request_error", message, type: "invalid_request_error", param: null } },
            400,
          )
    },
    stream: (answer, body) =>
      (answer === "words"
        ? words(chunk({}, "stop"))
        : call({
            index: 0,
            id: "toolu_01",
            type: "function",
            function: { name: "order-status", arguments: "" },
          }) +
          call({ index: 0, function: { arguments: ARGS.slice(0, 4) } }) +
          call({ index: 0, function: { arguments: ARGS.slice(4) } }) +
          chunk({}, "tool_calls")) +
      usageChunk(body) +
      DONE,
  },
  "a server that names no reason for the end": {
    stream: (answer) =>
      (answer === "words" ? words("") : call({ function: { name: "order-status", arguments: ARGS } })) + DONE,
  },
  "a server with an empty reason in every chunk": {
    stream: (answer) =>
      (answer === "words"
        ? ["It is on ", "its way."].map((content) => chunk({ content }, "")).join("")
        : chunk(
            { tool_calls: [{ index: 0, id: "a", function: { name: "order-status", arguments: "" } }] },
            "",
          ) + chunk({ tool_calls: [{ index: 0, id: "b", function: { arguments: ARGS } }] }, "")) +
      chunk({}, "stop") +
      DONE,
  },
} satisfies Record<string, Habit>

export type ServerName = keyof typeof HABITS
export const SERVER_NAMES = Object.keys(HABITS) as ServerName[]

export class CompatibleServer implements AsyncDisposable {
  /** The bodies of all requests, and whether each was refused. */
  readonly requests: { body: Body; refused: boolean }[] = []
  readonly #habit: Habit
  readonly #server: Bun.Server<undefined>
  #answers: Answer[] = []

  constructor(name: ServerName) {
    this.#habit = HABITS[name]
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      development: false,
      fetch: (request) => this.#answer(request),
    })
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`
  }

  /** What is answered to the next requests that are not refused. */
  enqueue(...answers: Answer[]): void {
    this.#answers.push(...answers)
  }

  /** How many requests have been refused since the last look. */
  takeRefusals(): number {
    return this.requests.splice(0).filter(({ refused }) => refused).length
  }

  async #answer(request: Request): Promise<Response> {
    const body = Body.parse(await request.json())
    const refusal = this.#habit.refuse?.(body)
    this.requests.push({ body, refused: refusal !== undefined })
    if (refusal) return refusal
    const text = this.#habit.stream(this.#answers.shift() ?? "words", body)
    return new Response(text, { headers: { "content-type": "text/event-stream" } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}
