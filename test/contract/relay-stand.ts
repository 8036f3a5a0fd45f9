/** A call by the paths of Simple Conversation Relay: an app with assets of the test, a scripted OpenAI, Twilio's REST API. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"
import { FakeOpenAi, type FakeRequest } from "../fakes/fake-openai.ts"
import type { Script } from "../fakes/openai-script.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { relayOf, setupFrame, voiceForm, type TestSocket } from "../server/wire.ts"

export const NUMBER = { sid: `PN${"1".repeat(32)}`, phone_number: "+15550100002", friendly_name: "x" }
/** Sent to find out what was sent before it. */
const MARK = "wwwwwwww"

export type StandOptions = {
  /** Files of the folder of assets, by name; what is no text is written as JSON. */
  assets?: Record<string, unknown>
  env?: Record<string, string>
}

export class RelayStand implements AsyncDisposable {
  readonly dir: string
  readonly openai: FakeOpenAi
  readonly twilio: FakeTwilio
  readonly app: AppUnderTest

  static async start({ assets = {}, env = {} }: StandOptions = {}): Promise<RelayStand> {
    const dir = mkdtempSync(join(tmpdir(), "parley-s2-"))
    const openai = new FakeOpenAi()
    const twilio = new FakeTwilio({ numbers: [NUMBER] })
    try {
      for (const [name, content] of Object.entries(assets)) writeAsset(dir, name, content)
      const app = await AppUnderTest.start({
        ASSETS_DIR: dir,
        TWILIO_ACCOUNT_SID: twilio.accountSid,
        TWILIO_API_BASE_URL: twilio.baseUrl,
        MODEL_PROVIDER: "openai",
        OPENAI_API_KEY: "sk-test",
        OPENAI_BASE_URL: openai.baseUrl,
        ...env,
      })
      return new RelayStand({ dir, openai, twilio, app })
    } catch (error) {
      // Nobody disposes of a stand that was never made.
      rmSync(dir, { recursive: true })
      await twilio[Symbol.asyncDispose]()
      await openai[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor({ dir, openai, twilio, app }: Pick<RelayStand, "dir" | "openai" | "twilio" | "app">) {
    this.dir = dir
    this.openai = openai
    this.twilio = twilio
    this.app = app
  }

  write(name: string, content: unknown): void {
    writeAsset(this.dir, name, content)
  }

  /** The relay of `/connectConversationRelay`, for a call with these fields. */
  async relay(fields: Record<string, string> = {}) {
    const form = voiceForm(fields)
    const answer = await this.app.webhook("/connectConversationRelay", form)
    const relay = relayOf(parseTwiml(await answer.text()))
    return { ...relay, callSid: form["CallSid"] ?? "", form }
  }

  /** A call whose session is open. `parameters` are those of the setup frame, beside the ones of the TwiML. */
  async call(parameters: Record<string, string> = {}): Promise<RelayCaller> {
    const relay = await this.relay()
    const socket = this.app.socket(relay.attributes["url"] ?? "")
    await socket.opened
    socket.send(setupFrame(relay.callSid, { ...relay.parameters, ...parameters }))
    await this.app.events.next(({ event }) => event.type === "session.opened")
    return new RelayCaller(this, relay.callSid, socket)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]()
    await this.twilio[Symbol.asyncDispose]()
    await this.openai[Symbol.asyncDispose]()
    rmSync(this.dir, { recursive: true })
  }
}

export class RelayCaller {
  readonly callSid: string
  readonly socket: TestSocket
  readonly #stand: RelayStand
  #seen = 0

  constructor(stand: RelayStand, callSid: string, socket: TestSocket) {
    this.#stand = stand
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
    const { openai } = this.#stand
    const before = openai.requests.length
    openai.enqueue(...scripts)
    this.say(text)
    await this.answered()
    return openai.requests.slice(before)
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

  /** When the server has taken in every frame that was sent so far. */
  async heard(): Promise<void> {
    // Each of these makes an event, and is no sign of life.
    this.send({ type: "error", description: "the last one" })
    await this.#stand.app.events.next(({ event }) => event.type === "relay.failed")
  }

  /** Lets time pass, after everything sent so far was taken in. */
  async pass(ms: number): Promise<void> {
    await this.heard()
    this.#stand.app.clock.advance(ms)
  }

  /** Every frame from the server since the last look. */
  async frames(): Promise<Record<string, unknown>[]> {
    await this.heard()
    await this.#stand.app.post(`/v1/calls/${this.callSid}/messages`, {
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

export function inputOf(request: FakeRequest | undefined): string {
  return JSON.stringify(request?.body["input"])
}

export function toolNamesOf(request: FakeRequest | undefined): string[] {
  const tools = request?.body["tools"]
  return Array.isArray(tools) ? tools.map((tool: { name: string }) => tool.name) : []
}

/** A manifest of these tools, which take anything. */
export function manifestOf(...names: string[]) {
  return { tools: names.map((name) => ({ type: "function", name, description: name })) }
}

function writeAsset(dir: string, name: string, content: unknown): void {
  writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content))
}
