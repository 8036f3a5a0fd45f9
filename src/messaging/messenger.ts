/** Conversations by message: one answer at a time for each, everything in the store, nothing in memory between them. */

import type { Agent, Assets, AgentModel } from "../assets/agent.ts"
import type { CallEvent } from "../call/events.ts"
import type { Parameters } from "../call/call.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import { AppError, messageOf, type ErrorDetail } from "../lib/errors.ts"
import { KeyedQueue } from "../lib/keyed-queue.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { Conversations, StoredConversation } from "../store/conversations.ts"
import { answerMessage } from "./answer.ts"
import type { RunAgentTool } from "./conversation-tools.ts"

/** Messages of one conversation that may be unanswered at the same time. */
const MAX_UNANSWERED = 8
/** The same for all conversations together. */
const MAX_RUNNING = 1_000
const MAX_PARAMETERS = 100
const PRUNE_EVERY_MS = 10 * 60_000

export type Message = {
  role: "user" | "system"
  text: string
  conversationId?: string | undefined
  /** What becomes of an id that is unknown or expired. */
  unknownId: "refuse" | "open-another"
  /** Key of an agent. What is named here holds from now on; parameters are added to those there are. */
  agent?: string | undefined
  contextKey?: string | undefined
  manifestKey?: string | undefined
  parameters?: Parameters | undefined
  /** The user who sends it; null may see every conversation. */
  userId: string | null
}

export type MessageAnswer = {
  conversationId: string
  response: string
  /** Whether this message opened the conversation. */
  created: boolean
  /** The agent holds that the matter is settled. The conversation may continue all the same. */
  endedBy?: "agent"
}

export interface Messenger {
  /**
   * Answers within the time limit. Rejects with `AppError`: INVALID_REQUEST for an unknown key, NOT_FOUND, RATE_LIMITED,
   * UNAVAILABLE, or UPSTREAM_FAILED with the conversation's id in `details`; the message then stays in the conversation.
   */
  send(message: Message): Promise<MessageAnswer>
  /** Rejects with `AppError` NOT_FOUND for a conversation that is not there, has expired, or is another user's. */
  read(id: string, userId: string | null): Promise<StoredConversation>
  /** Rejects with the same. An answer that is being made is given, and kept nowhere. */
  remove(id: string, userId: string | null): Promise<void>
  /** Messages that are being answered or wait. */
  readonly size: number
  /** Cuts every answer off. Closing twice is harmless. */
  close(): void
}

export type MessengerOptions = {
  conversations: Conversations
  assets: Assets
  modelFor: (choice: AgentModel) => ChatModel
  toolsOf: (conversation: StoredConversation) => RunAgentTool
  times: StreamTimes & {
    /** Longest wait for an answer, in milliseconds. */
    conversationMs: number
    /** How long a conversation is kept after its last message, in milliseconds. */
    conversationTtlMs: number
  }
  /** How many conversations are kept, in all and of one user. */
  room: { most: number; mostOfUser: number }
  /** Counts a message of a user. Rejects with `AppError` RATE_LIMITED when the limit is reached. */
  countMessage: (userId: string | null) => Promise<void>
  /** Is shown every event of an answer at once. */
  onEvent?: (event: CallEvent) => void
  /** Set while the server shuts down. */
  draining: () => boolean
  sweep: Sweep
  log: Log
}

export function createMessenger(options: MessengerOptions): Messenger {
  const {
    conversations,
    assets,
    modelFor,
    toolsOf,
    times,
    room,
    countMessage,
    onEvent,
    draining,
    sweep,
    log,
  } = options
  const { clock } = sweep
  const queue = new KeyedQueue({ most: MAX_UNANSWERED, what: "messages of one conversation" })
  const closing = new AbortController()
  const stopPruning = sweep.every(PRUNE_EVERY_MS, () =>
    log.background("deleting expired conversations", conversations.prune(clock.now())),
  )

  async function find(id: string, userId: string | null): Promise<StoredConversation | undefined> {
    const found = await conversations.byId(id, clock.now())
    return found && (userId === null || found.userId === userId) ? found : undefined
  }

  async function read(id: string, userId: string | null): Promise<StoredConversation> {
    const found = await find(id, userId)
    if (!found) throw unknownConversation()
    return found
  }

  function agentOf({ agent, parameters }: StoredConversation): Agent {
    const { contextKey, manifestKey } = parameters
    for (const choice of [{ agent, contextKey, manifestKey }, { agent }]) {
      try {
        return assets.agentFor(choice)
      } catch (error) {
        // The configuration has lost it since the conversation began.
        log.warn("a key of the conversation is unknown; continuing without it", { error: messageOf(error) })
      }
    }
    return assets.agentFor({})
  }

  /** Throws `AppError` INVALID_REQUEST for a key that does not exist. */
  function withChoices(conversation: StoredConversation, message: Message): StoredConversation {
    const { contextKey, manifestKey } = message
    const agent = message.agent ?? conversation.agent
    const parameters = {
      ...conversation.parameters,
      ...message.parameters,
      ...(contextKey === undefined ? {} : { contextKey }),
      ...(manifestKey === undefined ? {} : { manifestKey }),
    }
    if (Object.keys(parameters).length > MAX_PARAMETERS) {
      throw new AppError("INVALID_REQUEST", `A conversation may have ${MAX_PARAMETERS} parameters at most.`)
    }
    if (message.agent !== undefined || contextKey !== undefined || manifestKey !== undefined) {
      assets.agentFor({ agent, contextKey, manifestKey })
    }
    return { ...conversation, agent, parameters }
  }

  function opened(id: string, { userId }: Message): StoredConversation {
    const now = clock.now()
    return {
      id,
      userId,
      agent: assets.agentFor({}).key,
      parameters: {},
      turns: [],
      createdAt: now,
      updatedAt: now,
      expiresAt: now + times.conversationTtlMs,
      revision: 0,
    }
  }

  /** `id` is a conversation that exists, or the new one of a message that opens it. */
  async function answer(
    id: string,
    created: boolean,
    message: Message,
    signal: AbortSignal,
  ): Promise<MessageAnswer> {
    if (closing.signal.aborted) throw shuttingDown()
    if (signal.aborted) throw tooLate(id)
    const found = created ? opened(id, message) : await read(id, message.userId)
    const conversation = withChoices(found, message)
    const result = await answerMessage({
      conversation,
      message,
      agentOf,
      model: modelFor(agentOf(conversation).model),
      runTool: toolsOf(conversation),
      save: saveTo(conversation, { created }),
      times,
      signal,
      sweep,
      onEvent,
      log: log.with({ conversationId: id }),
    })
    if (closing.signal.aborted) throw shuttingDown()
    if (result.outcome === "aborted") throw tooLate(id)
    if (result.outcome === "failed") {
      log.error("a message could not be answered", { conversationId: id })
      throw new AppError("UPSTREAM_FAILED", "The model did not answer. Send the message again.", {
        details: keptIn(id),
      })
    }
    const { text: response, endedBy } = result
    return { conversationId: id, response, created, ...(endedBy ? { endedBy } : {}) }
  }

  /** Stores each state of a conversation; no other request may change it meanwhile. */
  function saveTo({ revision: first }: StoredConversation, { created }: { created: boolean }) {
    let revision = first
    let isNew = created
    return async function save(changed: StoredConversation): Promise<void> {
      if (closing.signal.aborted) return
      const kept = { ...changed, revision, expiresAt: clock.now() + times.conversationTtlMs }
      if (isNew) {
        await conversations.create(kept, room)
        isNew = false
        return
      }
      const result = await conversations.update(kept)
      if (result === "conflict") throw changedElsewhere(kept.id)
      revision += 1
    }
  }

  return {
    async send(message) {
      if (draining() || closing.signal.aborted) throw shuttingDown()
      const { conversationId, unknownId, userId } = message
      const known = conversationId === undefined ? undefined : await find(conversationId, userId)
      if (conversationId !== undefined && !known && unknownId === "refuse") throw unknownConversation()
      if (queue.size >= MAX_RUNNING) {
        throw new AppError("UNAVAILABLE", "Too many messages are being answered.", { retryAfterSeconds: 1 })
      }
      await countMessage(userId)
      const id = known?.id ?? crypto.randomUUID()
      const limit = new AbortController()
      const signal = AbortSignal.any([limit.signal, closing.signal])
      const { promise: over, reject } = Promise.withResolvers<never>()
      const cancel = sweep.after(times.conversationMs, () => {
        limit.abort()
        // A tool that continues to its end keeps the next message waiting, but not this one's sender.
        reject(tooLate(id))
      })
      try {
        return await Promise.race([queue.run(id, () => answer(id, !known, message, signal)), over])
      } finally {
        cancel()
      }
    },

    read,

    async remove(id, userId) {
      await conversations.remove((await read(id, userId)).id)
    },

    get size() {
      return queue.size
    },

    close() {
      stopPruning()
      closing.abort()
    },
  }
}

function tooLate(conversationId: string): AppError {
  return new AppError("UPSTREAM_FAILED", "The answer took too long. Send the message again.", {
    details: keptIn(conversationId),
  })
}

function keptIn(conversationId: string): ErrorDetail[] {
  return [{ field: "conversationId", message: "holds the message", value: conversationId }]
}

function unknownConversation(): AppError {
  return new AppError("NOT_FOUND", "There is no such conversation, or its time is over.")
}

function changedElsewhere(conversationId: string): AppError {
  return new AppError(
    "CONFLICT",
    "Another message of this conversation was answered meanwhile. Send it again.",
    {
      details: keptIn(conversationId),
    },
  )
}

function shuttingDown(): AppError {
  return new AppError("UNAVAILABLE", "The server is shutting down.", { retryAfterSeconds: 5 })
}
