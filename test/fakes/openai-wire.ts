/** A script as server-sent events: Responses and Chat Completions. Pure but for the pace of the script. */

import type { Ending, Script, Step, TokenUsage } from "./openai-script.ts"

type Json = Record<string, unknown>

const USAGE: TokenUsage = { input: 120, cached: 64, output: 12 }

/** The order and the fields of OpenAI "Streaming events reference". */
export async function* responsesWire(script: Script, body: Json, serial: number): AsyncGenerator<string> {
  const { steps = [], ending = "completed", usage = USAGE, pace } = script
  let sequence = 0
  const event = (type: string, fields: Json) => {
    const text = JSON.stringify({ type, sequence_number: sequence++, ...fields })
    return `event: ${type}\ndata: ${text}\n\n`
  }
  const output: Json[] = []
  const response = (status: string, fields: Json = {}) => ({
    response: {
      id: `resp_${serial}`,
      object: "response",
      created_at: 1_795_000_000,
      status,
      error: null,
      incomplete_details: null,
      model: body["model"],
      output: status === "in_progress" ? [] : output,
      store: body["store"] ?? true,
      usage: null,
      ...fields,
    },
  })
  yield event("response.created", response("in_progress"))
  yield event("response.in_progress", response("in_progress"))
  for (const step of steps) {
    if ("wait" in step) {
      await step.wait
      continue
    }
    if ("raw" in step) {
      yield step.raw
      continue
    }
    if ("event" in step) {
      yield `data: ${JSON.stringify(step.event)}\n\n`
      continue
    }
    const at = { output_index: output.length }
    const id = `item_${serial}_${output.length}`
    const { item, added, deltas, finals } = itemOf(step, id, body)
    yield event("response.output_item.added", { ...at, item: added })
    for (const [type, fields] of deltas) {
      if ("delta" in fields) await pace?.()
      yield event(type, { item_id: id, ...at, ...fields })
    }
    for (const [type, fields] of finals) yield event(type, { item_id: id, ...at, ...fields })
    yield event("response.output_item.done", { ...at, item })
    output.push(item)
  }
  const counted = usage && {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: usage.input + usage.output,
  }
  if (ending === "completed") yield event("response.completed", response("completed", { usage: counted }))
  else if (typeof ending === "string") return
  else if ("incomplete" in ending) {
    const details = { incomplete_details: { reason: ending.incomplete }, usage: counted }
    yield event("response.incomplete", response("incomplete", details))
  } else if ("failed" in ending) yield event("response.failed", response("failed", { error: ending.failed }))
  else yield event("error", { ...ending.error, param: null })
}

type Named = [type: string, fields: Json]
type ItemStep = Exclude<Step, { raw: string } | { event: unknown } | { wait: Promise<unknown> }>

function itemOf(
  step: ItemStep,
  id: string,
  body: Json,
): { item: Json; added: Json; deltas: Named[]; finals: Named[] } {
  if ("call" in step) {
    const args = typeof step.arguments === "string" ? step.arguments : JSON.stringify(step.arguments)
    const base = { id, type: "function_call", call_id: step.callId ?? `call_${id}`, name: step.call }
    return {
      added: { ...base, arguments: "", status: "in_progress" },
      deltas: inThree(args).map((delta) => ["response.function_call_arguments.delta", { delta }]),
      finals: [["response.function_call_arguments.done", { arguments: args }]],
      item: { ...base, arguments: args, status: step.status ?? "completed" },
    }
  }
  if ("reason" in step) {
    const text = step.reason.join("")
    const asked = JSON.stringify(body["include"] ?? []).includes("reasoning.encrypted_content")
    const part = { summary_index: 0 }
    return {
      added: { id, type: "reasoning", summary: [] },
      deltas: [
        ["response.reasoning_summary_part.added", { ...part, part: { type: "summary_text", text: "" } }],
        ...step.reason.map((delta): Named => ["response.reasoning_summary_text.delta", { ...part, delta }]),
      ],
      finals: [
        ["response.reasoning_summary_text.done", { ...part, text }],
        ["response.reasoning_summary_part.done", { ...part, part: { type: "summary_text", text } }],
      ],
      item: {
        id,
        type: "reasoning",
        summary: text === "" ? [] : [{ type: "summary_text", text }],
        ...(asked ? { encrypted_content: step.encrypted ?? `encrypted_${id}` } : {}),
      },
    }
  }
  const refusal = "refuse" in step
  const pieces = refusal ? step.refuse : step.say
  const text = pieces.join("")
  const content = refusal
    ? { type: "refusal", refusal: text }
    : { type: "output_text", text, annotations: [] }
  const empty = refusal
    ? { type: "refusal", refusal: "" }
    : { type: "output_text", text: "", annotations: [] }
  const base = {
    id,
    type: "message",
    role: "assistant",
    ...(!refusal && step.phase ? { phase: step.phase } : {}),
  }
  const kind = refusal ? "refusal" : "output_text"
  const part = { content_index: 0 }
  return {
    added: { ...base, status: "in_progress", content: [] },
    deltas: [
      ["response.content_part.added", { ...part, part: empty }],
      ...pieces.map((delta): Named => [`response.${kind}.delta`, { ...part, delta, logprobs: [] }]),
    ],
    finals: [
      [`response.${kind}.done`, { ...part, [refusal ? "refusal" : "text"]: text }],
      ["response.content_part.done", { ...part, part: content }],
    ],
    item: { ...base, status: "completed", content: [content] },
  }
}

/** Unnamed events; reasoning goes into `reasoning_content`, as many servers have it. */
export async function* chatWire(script: Script, body: Json, serial: number): AsyncGenerator<string> {
  const { steps = [], ending = "completed", usage = USAGE, pace, done = true } = script
  const base = {
    id: `chatcmpl-${serial}`,
    object: "chat.completion.chunk",
    created: 1_795_000_000,
    model: body["model"],
  }
  const chunk = (delta: Json, finish: string | null = null) =>
    `data: ${JSON.stringify({ ...base, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  yield chunk({ role: "assistant", content: "" })
  let calls = 0
  for (const step of steps) {
    if ("wait" in step) await step.wait
    else if ("raw" in step) yield step.raw
    else if ("event" in step) yield `data: ${JSON.stringify(step.event)}\n\n`
    else {
      for (const delta of deltasOf(step, calls, serial)) {
        await pace?.()
        yield chunk(delta)
      }
      if ("call" in step) calls++
    }
  }
  const reason = chatFinish(ending, calls)
  if (typeof ending === "object" && "error" in ending)
    yield `data: ${JSON.stringify({ error: ending.error })}\n\n`
  if (reason === undefined) return
  const finish = script.finishReason === undefined ? reason : script.finishReason
  yield chunk({}, finish)
  const counted = JSON.stringify(body["stream_options"] ?? {}).includes('"include_usage":true')
  if (usage && counted) {
    const block = {
      prompt_tokens: usage.input,
      prompt_tokens_details: { cached_tokens: usage.cached },
      completion_tokens: usage.output,
      total_tokens: usage.input + usage.output,
    }
    yield `data: ${JSON.stringify({ ...base, choices: [], usage: block })}\n\n`
  }
  if (done) yield "data: [DONE]\n\n"
}

function deltasOf(step: ItemStep, index: number, serial: number): Json[] {
  if ("say" in step) return step.say.map((content) => ({ content }))
  if ("refuse" in step) return step.refuse.map((refusal) => ({ refusal }))
  if ("reason" in step) return step.reason.map((text) => ({ reasoning_content: text }))
  const args = typeof step.arguments === "string" ? step.arguments : JSON.stringify(step.arguments)
  const id = step.callId ?? `call_${serial}_${index}`
  const call = (fields: Json) => ({ tool_calls: [{ index, ...fields }] })
  return [
    call({ id, type: "function", function: { name: step.call, arguments: "" } }),
    ...inThree(args).map((piece) => call({ function: { arguments: piece } })),
  ]
}

function chatFinish(ending: Ending, calls: number): string | undefined {
  if (ending === "completed") return calls > 0 ? "tool_calls" : "stop"
  if (typeof ending === "string" || !("incomplete" in ending)) return undefined
  return ending.incomplete === "content_filter" ? "content_filter" : "length"
}

function inThree(text: string): string[] {
  const third = Math.ceil(text.length / 3)
  return [text.slice(0, third), text.slice(third, 2 * third), text.slice(2 * third)].filter(
    (piece) => piece !== "",
  )
}
