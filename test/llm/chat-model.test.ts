/** The contract of text models, kept by each of them. */

import { createFlowiseModel } from "../../src/llm/flowise/flowise.ts"
import { createDemoModel } from "../../src/llm/demo/demo-model.ts"
import { createChatCompletionsModel } from "../../src/llm/openai/openai-chat.ts"
import { createResponsesModel } from "../../src/llm/openai/openai-responses.ts"
import { chatModelContract, type Subject } from "../contract/chat-model.contract.ts"
import { FakeFlowise, FLOW_ID, type FlowiseScript } from "../fakes/fake-flowise.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { Gate } from "../fakes/gate.ts"
import { callsTool, httpError, says } from "../fakes/openai-script.ts"
import { agent, chatRequest, END_CALL, note, SEND_DTMF, user } from "./fixture.ts"

const tools = [SEND_DTMF, END_CALL]
const history = chatRequest({
  items: [
    user("Press 1"),
    { type: "opaque", backEnd: "another", item: { anything: true } },
    { type: "tool-call", callId: "call_1", name: "send-dtmf", arguments: '{"dtmfDigit":"1"}' },
    { type: "tool-result", callId: "call_1", output: '{"success":true}' },
    agent("Done.", "final_answer"),
    note("The caller has paid."),
    user("Hello again"),
  ],
  tools,
})

function overWire(make: (baseUrl: string) => Subject["model"]) {
  return (gate?: Gate): Subject => {
    const openai = new FakeOpenAi({
      script: () => says("Good morning to you", gate ? { pace: gate.pass } : {}),
    })
    return {
      model: make(openai.baseUrl),
      words: () => chatRequest(),
      tool() {
        openai.enqueue(callsTool("send-dtmf", { dtmfDigit: "123" }))
        return chatRequest({ tools })
      },
      history: () => history,
      noTools: () => chatRequest({ tools, toolChoice: "none" }),
      wire: {
        broken() {
          openai.enqueue(says("Good morning", { ending: "dropped" }))
          return chatRequest()
        },
        refused() {
          openai.enqueue(httpError(401, "invalid_api_key"))
          return chatRequest()
        },
        closed: async () => (await openai.nextRequest()).closed,
        requests: () => openai.requests.length,
      },
      [Symbol.asyncDispose]: () => openai[Symbol.asyncDispose](),
    }
  }
}

/** A flow runs its own tools; it calls ours by a marker in its words. */
function overFlowise(gate?: Gate): Subject {
  const tokens = ["Good", " morning", " to", " you"]
  const words: FlowiseScript = gate ? { tokens, pace: gate.pass } : { tokens }
  const flowise = new FakeFlowise({ apiKey: "key", script: () => words })
  const options = { baseUrl: flowise.baseUrl, flowId: FLOW_ID }
  const model = createFlowiseModel({ ...options, apiKey: "key" })
  const stranger = createFlowiseModel({ ...options, apiKey: "another" })
  let refused = false
  return {
    model: {
      name: model.name,
      reply: (request, signal) => (refused ? stranger : model).reply(request, signal),
    },
    words: () => chatRequest(),
    tool() {
      flowise.enqueue({ tokens: ["One moment. [", "[send-", "dtmf: 12", "3]", "]"] })
      return chatRequest({ tools })
    },
    history: () => history,
    noTools() {
      flowise.enqueue({ tokens: ["I am not able to. ", "[[send-dtmf: 123]]"] })
      return chatRequest({ tools, toolChoice: "none" })
    },
    wire: {
      broken() {
        flowise.enqueue({ tokens: ["Good", " morning"], ending: "dropped" })
        return chatRequest()
      },
      refused() {
        refused = true
        return chatRequest()
      },
      closed: async () => (await flowise.nextRequest()).closed,
      requests: () => flowise.requests.length,
    },
    [Symbol.asyncDispose]: () => flowise[Symbol.asyncDispose](),
  }
}

const newGate = () => new Gate()

chatModelContract(
  "responses",
  overWire((baseUrl) => createResponsesModel({ apiKey: "sk-test", baseUrl, model: "gpt-6-luna" })),
  newGate,
)
chatModelContract(
  "chat completions",
  overWire((baseUrl) => createChatCompletionsModel({ baseUrl, model: "llama" })),
  newGate,
)
chatModelContract("flowise", overFlowise, newGate)
chatModelContract(
  "demo",
  (gate) => ({
    model: createDemoModel({
      sleep: (_ms, signal) => (gate ? passOrAbort(gate, signal) : Promise.resolve()),
    }),
    words: () => chatRequest({ items: [user("Hello")] }),
    tool: () => chatRequest({ items: [user("Please press 1 2 3")], tools }),
    history: () => history,
    noTools: () => chatRequest({ items: [user("Please press 1 2 3")], tools, toolChoice: "none" }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
  newGate,
  "the demo has no connection",
)

function passOrAbort(gate: Gate, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  )
  return Promise.race([gate.pass(), aborted])
}
