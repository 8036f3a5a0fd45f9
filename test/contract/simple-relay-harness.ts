/** A call by the paths of Simple Conversation Relay, with assets of the test. */

import { parseTwiml } from "../../src/sim/twiml-reader.ts"
import { callHarness, closeOnFailure, restService, textModelService } from "../call-harness.ts"
import type { FakeOpenAi, FakeRequest } from "../fakes/fake-openai.ts"
import type { Script } from "../fakes/openai-script.ts"
import type { AppUnderTest } from "../server/app-under-test.ts"
import { assetFolder } from "../server/assets-with.ts"
import { relayOf, setupFrame, voiceForm, type TestSocket } from "../server/client.ts"
import { textsIn } from "../lib/texts-in.ts"

export const NUMBER = { sid: `PN${"1".repeat(32)}`, phone_number: "+15550100002", friendly_name: "x" }
/** Sent to find out what was sent before it. */
const MARK = "wwwwwwww"

export type SimpleRelayOptions = {
  /** Files of the folder of assets, by name; what is no text is written as JSON. */
  assets?: Record<string, unknown>
  env?: Record<string, string>
}

export async function simpleRelayHarness({ assets = {}, env = {} }: SimpleRelayOptions = {}) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(assetFolder(assets))
  const harness = await closeOnFailure(stack, () =>
    callHarness({
      services: { openai: textModelService(), rest: restService([NUMBER]) },
      env: { ASSETS_DIR: folder.dir, ...env },
    }),
  )
  stack.use(harness)
  const { app, openai, rest } = harness

  /** The relay of `/connectConversationRelay`, for a call with these fields. */
  async function relay(fields: Record<string, string> = {}) {
    const form = voiceForm(fields)
    const answer = await app.webhook("/connectConversationRelay", form)
    return { ...relayOf(parseTwiml(await answer.text())), callSid: form["CallSid"] ?? "", form }
  }

  /** A call whose session is open. `parameters` are those of the setup frame, beside the ones of the TwiML. */
  async function call(parameters: Record<string, string> = {}): Promise<RelayCaller> {
    const { attributes, callSid, parameters: given } = await relay()
    const socket = app.socket(attributes["url"] ?? "")
    await socket.opened
    socket.send(setupFrame(callSid, { ...given, ...parameters }))
    await app.events.next(({ event }) => event.type === "session.opened")
    return new RelayCaller({ app, openai, callSid, socket })
  }

  return {
    app,
    openai,
    rest,
    dir: folder.dir,
    write: folder.write,
    relay,
    call,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type SimpleRelayHarness = Awaited<ReturnType<typeof simpleRelayHarness>>

type RelayCallerOptions = { app: AppUnderTest; openai: FakeOpenAi; callSid: string; socket: TestSocket }

export class RelayCaller {
  readonly callSid: string
  readonly socket: TestSocket
  readonly #app: AppUnderTest
  readonly #openai: FakeOpenAi
  #seen = 0

  constructor({ app, openai, callSid, socket }: RelayCallerOptions) {
    this.#app = app
    this.#openai = openai
    this.callSid = callSid
    this.socket = socket
  }

  send(frame: Record<string, unknown> | string): void {
    this.socket.send(frame)
  }

  /** The caller says something. */
  say(voicePrompt: string, lang = "en-US"): void {
    this.send({ type: "prompt", voicePrompt, lang, last: true })
  }

  /** One whole exchange; the requests that it led to. */
  async ask(text: string, ...scripts: Script[]): Promise<FakeRequest[]> {
    const before = this.#openai.requests.length
    this.#openai.enqueue(...scripts)
    this.say(text)
    await this.answered()
    return this.#openai.requests.slice(before)
  }

  /** The frame that closes the next answer. */
  answered(): Promise<Record<string, unknown>> {
    return this.frame((frame) => frame["type"] === "text" && frame["last"] === true)
  }

  frame(predicate: (frame: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    return this.socket.frames.next(predicate)
  }

  frameOf(type: string): Promise<Record<string, unknown>> {
    return this.frame((frame) => frame["type"] === type)
  }

  /** When the server has received every frame that was sent so far. */
  async heard(): Promise<void> {
    // Each of these makes an event, and is no sign of life.
    this.send({ type: "error", description: "the last one" })
    await this.#app.events.next(({ event }) => event.type === "relay.failed")
  }

  /** Lets time pass, after everything sent so far was received. */
  async pass(ms: number): Promise<void> {
    await this.heard()
    this.#app.clock.advance(ms)
  }

  /** Every frame from the server since the last look. */
  async frames(): Promise<Record<string, unknown>[]> {
    await this.heard()
    await this.#app.post(`/v1/calls/${this.callSid}/messages`, {
      frame: { type: "sendDigits", digits: MARK },
    })
    await this.frame(({ digits }) => digits === MARK)
    const all = this.socket.frames.all.slice(this.#seen)
    this.#seen = this.socket.frames.count
    return all.filter(({ digits }) => digits !== MARK)
  }

  /** The same in short: words of the agent, and other frames by their type. */
  async lines(): Promise<string[]> {
    const frames = await this.frames()
    return frames.flatMap(({ type, token, ttsLanguage, digits, handoffData }) => {
      if (type === "text") return token === "" ? [] : [String(token)]
      return [[type, ttsLanguage ?? digits ?? handoffData].filter(Boolean).join(" ")]
    })
  }
}

export function instructionsOf(request: FakeRequest | undefined): string {
  return String(request?.body["instructions"])
}

export function inputOf(request: FakeRequest | undefined): string[] {
  return textsIn(request?.body["input"])
}

export function toolNamesOf(request: FakeRequest | undefined): string[] {
  const tools = request?.body["tools"]
  return Array.isArray(tools) ? tools.map((tool: { name: string }) => tool.name) : []
}

/** A manifest of these tools, which take anything. */
export function manifestOf(...names: string[]) {
  return { tools: names.map((name) => ({ type: "function", name, description: name })) }
}
