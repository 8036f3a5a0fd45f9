/** A messenger with a scripted model, a real store, and a clock that the test moves. */

import type { Assets } from "../../src/assets/agent.ts"
import { createAssets } from "../../src/assets/assets.ts"
import { getLog } from "../../src/lib/log.ts"
import type { ChatModel } from "../../src/llm/chat-model.ts"
import { conversationTools } from "../../src/messaging/conversation-tools.ts"
import { createMessenger, type Message, type Messenger } from "../../src/messaging/messenger.ts"
import { openStore } from "../../src/store/open-store.ts"
import type { Store } from "../../src/store/store.ts"
import type { AnyTool, SmsSender } from "../../src/tools/define-tool.ts"
import { builtinTools, toolsOf } from "../../src/tools/registry.ts"
import { ScriptedModel } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"

export const HOUR = 3_600_000

export type MessengerFixtureOptions = {
  store?: Store
  /** Tools that every agent has beside its own. */
  tools?: AnyTool[]
  /** Conversations that are kept. */
  most?: number
  mostOfUser?: number
  countMessage?: (userId: string | null) => Promise<void>
  /** In place of the scripted one. */
  model?: ChatModel
  sms?: (sent: number) => SmsSender
}

export class MessengerFixture implements AsyncDisposable {
  readonly clock = new TestClock()
  readonly model = new ScriptedModel()
  readonly store: Store
  readonly messenger: Messenger
  draining = false
  readonly #ownsStore: boolean

  static async open(options: MessengerFixtureOptions = {}): Promise<MessengerFixture> {
    const assets = await createAssets({
      dir: "/nonexistent",
      log: getLog("test"),
      knownTools: [...builtinTools().keys()],
    })
    const store = options.store ?? (await openStore({ url: ":memory:" }))
    return new MessengerFixture({ ...options, store, assets, ownsStore: options.store === undefined })
  }

  private constructor({
    store,
    assets,
    ownsStore,
    tools = [],
    most = 100,
    mostOfUser = most,
    countMessage = async () => {},
    model = this.model,
    sms,
  }: MessengerFixtureOptions & { store: Store; assets: Assets; ownsStore: boolean }) {
    this.#ownsStore = ownsStore
    this.store = store
    const own = tools.map((tool) => [tool.name, tool] as const)
    const log = getLog("test")
    const { sweep } = this.clock
    this.messenger = createMessenger({
      conversations: this.store.conversations,
      assets,
      modelFor: () => model,
      toolsOf: conversationTools({
        assets,
        toolsFor: (manifest) =>
          new Map([...toolsOf(manifest.tools, { secrets: {}, allowPrivate: false }), ...own]),
        smsSender: (sent) => sms?.(sent),
        timeoutMs: 100_000,
        sweep,
        log,
      }),
      times: {
        firstTokenMs: 25_000,
        tokenGapMs: 50_000,
        conversationMs: 60_000,
        conversationTtlMs: 24 * HOUR,
      },
      room: { most, mostOfUser },
      countMessage,
      draining: () => this.draining,
      sweep,
      log,
    })
  }

  send(text: string, message: Partial<Message> = {}) {
    return this.messenger.send({ text, role: "user", unknownId: "refuse", userId: null, ...message })
  }

  /** Sends a message and gives it this answer. */
  async talk(text: string, answer: string, message: Partial<Message> = {}) {
    const sent = this.send(text, message)
    const request = await this.model.next()
    await request.end(answer)
    return sent
  }

  async turns(id: string): Promise<string[]> {
    const { turns } = await this.messenger.read(id, null)
    return turns.map(({ speaker, kind, text, tool }) =>
      kind === "tool" ? `tool ${tool?.name} ${tool?.output ?? "runs"}` : `${speaker}: ${text}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.messenger.close()
    if (this.#ownsStore) await this.store.close()
    this.clock[Symbol.dispose]()
  }
}

export const said = (role: string, text: string) => ({ type: "message", role, text })
