/** A messenger on a bench: a scripted model, a real store, a clock that stands still. */

import { createAssets } from "../../src/assets/assets.ts"
import { getLog } from "../../src/lib/log.ts"
import type { ChatModel } from "../../src/llm/chat-model.ts"
import { conversationTools } from "../../src/messaging/conversation-tools.ts"
import { createMessenger, type Message, type Messenger } from "../../src/messaging/messenger.ts"
import { openStore, type Store } from "../../src/store/store.ts"
import type { AnyTool, SmsSender } from "../../src/tools/define-tool.ts"
import { builtinTools, toolsOf } from "../../src/tools/registry.ts"
import { ScriptedModel } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"

export const HOUR = 3_600_000

export type BenchOptions = {
  store?: Store
  /** Tools that every agent has beside its own. */
  tools?: AnyTool[]
  /** Conversations that are kept. */
  most?: number
  /** In place of the scripted one. */
  model?: ChatModel
  sms?: (sent: number) => SmsSender
}

export class Bench implements Disposable {
  readonly clock = new TestClock()
  readonly model = new ScriptedModel()
  readonly store: Store
  readonly messenger: Messenger
  draining = false
  readonly #ownsStore: boolean

  constructor({ store, tools = [], most = 100, model = this.model, sms }: BenchOptions = {}) {
    this.#ownsStore = store === undefined
    this.store = store ?? openStore({ url: ":memory:" })
    const own = tools.map((tool) => [tool.name, tool] as const)
    const log = getLog("test")
    const { sweep } = this.clock
    const assets = createAssets({ dir: "/nonexistent", log, knownTools: [...builtinTools().keys()] })
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
      maxConversations: most,
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

  turns(id: string): string[] {
    return this.messenger
      .read(id, null)
      .turns.map(({ speaker, kind, text, tool }) =>
        kind === "tool" ? `tool ${tool?.name} ${tool?.output ?? "runs"}` : `${speaker}: ${text}`,
      )
  }

  [Symbol.dispose](): void {
    this.messenger.close()
    if (this.#ownsStore) this.store.close()
    this.clock[Symbol.dispose]()
  }
}

export const said = (role: string, text: string) => ({ type: "message", role, text })
