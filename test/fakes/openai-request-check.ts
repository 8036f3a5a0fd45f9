/** Whether OpenAI would take a request: its own schema, and the rules that its error messages are known for. */

import Ajv2020 from "ajv/dist/2020"
import addFormats from "ajv-formats"
import { z } from "zod"
import schema from "../fixtures/openai/requests.schema.json"

const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }))
ajv.addSchema(schema)
const validators = {
  responses: ajv.getSchema(`${schema.$id}#/$defs/CreateResponse`),
  chat: ajv.getSchema(`${schema.$id}#/$defs/CreateChatCompletionRequest`),
}

/** What is wrong with the body; empty when nothing is. */
export function requestFaults(api: "responses" | "chat", body: unknown): string[] {
  const validate = validators[api]
  if (!validate) throw new Error(`no schema for ${api}`)
  if (!validate(body)) return [ajv.errorsText(validate.errors)]
  return api === "responses" ? responsesFaults(body) : chatFaults(body)
}

const Tool = z.looseObject({
  name: z.string(),
  parameters: z.unknown().optional(),
  strict: z.boolean().nullish(),
})
const ResponsesBody = z.object({
  input: z.array(z.looseObject({ type: z.string().optional(), call_id: z.string().optional() })),
  tools: z.array(Tool).optional(),
  tool_choice: z.unknown().optional(),
})

function responsesFaults(body: unknown): string[] {
  const { input, tools = [], tool_choice: choice } = ResponsesBody.parse(body)
  const ids = (type: string) => input.flatMap((item) => (item.type === type ? [item.call_id ?? ""] : []))
  const dangling = input.flatMap((item, at) =>
    item.type === "reasoning" && input[at + 1] === undefined
      ? ["a reasoning item without its following item"]
      : [],
  )
  return [
    ...pairFaults(ids("function_call"), ids("function_call_output")),
    ...dangling,
    ...toolFaults(tools, choice),
  ]
}

const ChatBody = z.object({
  messages: z.array(
    z.looseObject({
      role: z.string(),
      tool_call_id: z.string().optional(),
      tool_calls: z.array(z.looseObject({ id: z.string() })).optional(),
    }),
  ),
  tools: z.array(z.object({ function: Tool })).optional(),
  tool_choice: z.unknown().optional(),
})

function chatFaults(body: unknown): string[] {
  const { messages, tools = [], tool_choice: choice } = ChatBody.parse(body)
  const faults = toolFaults(
    tools.map((tool) => tool.function),
    choice,
  )
  for (const [at, { tool_calls: calls = [] }] of messages.entries()) {
    const answers = messages.slice(at + 1, at + 1 + calls.length).map((message) => message.tool_call_id ?? "")
    if (calls.length > 0)
      faults.push(
        ...pairFaults(
          calls.map(({ id }) => id),
          answers,
        ),
      )
  }
  return faults
}

function pairFaults(calls: readonly string[], outputs: readonly string[]): string[] {
  return [
    ...calls.filter((id) => !outputs.includes(id)).map((id) => `no tool output found for call ${id}`),
    ...outputs.filter((id) => !calls.includes(id)).map((id) => `no tool call found for output ${id}`),
    ...(new Set(calls).size === calls.length ? [] : ["two tool calls with one id"]),
  ]
}

function toolFaults(tools: readonly z.infer<typeof Tool>[], choice: unknown): string[] {
  if (tools.length === 0) return choice === undefined ? [] : ["tool_choice without tools"]
  return tools.flatMap(({ name, strict, parameters }) => [
    ...(/^[a-zA-Z0-9_-]{1,64}$/.test(name) ? [] : [`tool name ${name}`]),
    ...(strict ? strictFaults(name, parameters) : []),
  ])
}

const ObjectSchema = z.looseObject({
  type: z.literal("object"),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
})

/** With `strict` every object is closed and requires all its properties. (OpenAI: "Function calling".) */
function strictFaults(name: string, parameters: unknown): string[] {
  const parsed = ObjectSchema.safeParse(parameters)
  if (!parsed.success) return []
  const { properties = {}, required = [], additionalProperties } = parsed.data
  return [
    ...(additionalProperties === false ? [] : [`strict tool ${name}: additionalProperties must be false`]),
    ...Object.keys(properties)
      .filter((key) => !required.includes(key))
      .map((key) => `strict tool ${name}: ${key} must be required`),
    ...Object.values(properties).flatMap((property) => strictFaults(name, property)),
  ]
}
