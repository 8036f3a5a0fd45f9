/** A Twilio account that exists only in this process: calls any Parley server by the real protocol. */

import type { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import { getLog } from "../lib/log.ts"
import { Sweep } from "../lib/sweep.ts"
import type { CallLink, CallOptions } from "./call-options.ts"
import { MediaTicker } from "./media/media-ticker.ts"
import { newSid } from "./sids.ts"
import { SimulatedCall } from "./simulated-call.ts"
import { Webhooks, type WebhookAnswer } from "./webhook-sender.ts"

export type SimulatedTwilioOptions = {
  /** The public address of the server, such as `https://parley.test`: signatures are made for it. */
  publicUrl: string
  /** The origin where it listens, such as `http://127.0.0.1:3000`. Default: `publicUrl`. */
  connectTo?: string
  accountSid?: string
  authToken?: string
  /** The time source. Default: one on the system clock that ends with the account. */
  sweep?: Sweep
  /** How fast agents speak; Infinity makes all speech instant. */
  charactersPerSecond?: number
  /** Delay from the first token in silence to the first audio, in milliseconds. */
  speechDelayMs?: number
  /** How long each audio file lasts, in milliseconds. */
  audioMs?: number
  /** Speed of media streams, audio and silence, relative to real time. */
  mediaSpeed?: number
  /** How many frames, utterances and requests of a call are kept at least. */
  keep?: number
}

/** A call as the REST side shows it. Times in milliseconds since the epoch. */
export type CallRecord = {
  callSid: CallSid
  from: string
  to: string
  direction: "inbound" | "outbound"
  status: CallStatus
  startedAt: number
  answeredAt: number | undefined
  endedAt: number | undefined
  seconds: number
}

const log = getLog("sim")
const FINISHED_KEPT = 1_000

export class SimulatedTwilio {
  readonly accountSid: string
  readonly authToken: string
  readonly publicUrl: string
  readonly sweep: Sweep
  readonly #link: CallLink
  readonly #live = new Map<string, SimulatedCall>()
  /** The last calls that are over, oldest first. */
  readonly #finished = new Map<string, CallRecord>()
  readonly #dispose: () => void

  constructor({
    publicUrl,
    connectTo = publicUrl,
    accountSid = newSid("AC"),
    authToken = newSid("AC").slice(2),
    sweep,
    charactersPerSecond = 15,
    speechDelayMs = 0,
    audioMs = 1_000,
    mediaSpeed = 1,
    keep = 2_000,
  }: SimulatedTwilioOptions) {
    const ownSweep = sweep ?? new Sweep()
    this.accountSid = accountSid
    this.authToken = authToken
    this.publicUrl = publicUrl
    this.sweep = ownSweep
    this.#dispose = () => (sweep ? undefined : ownSweep[Symbol.dispose]())
    this.#link = {
      accountSid,
      webhooks: new Webhooks({ authToken, publicUrl, connectTo, sweep: ownSweep }),
      sweep: ownSweep,
      ticker: new MediaTicker(ownSweep),
      mediaSpeed,
      pace: { charactersPerSecond, speechDelayMs, audioMs },
      keep,
    }
  }

  /** Starts a call, by default one that comes in. It runs by itself and never throws. */
  call(options: Partial<CallOptions> = {}): SimulatedCall {
    const call = new SimulatedCall(this.#link, {
      from: "+15550100001",
      to: "+15550100002",
      direction: "inbound",
      ...options,
    })
    this.#live.set(call.callSid, call)
    log.background("end of simulated call", this.#keepRecord(call))
    return call
  }

  /** A live call. */
  find(callSid: string): SimulatedCall | undefined {
    return this.#live.get(callSid)
  }

  /** A live call, or one of the last 1,000 that ended. */
  record(callSid: string): CallRecord | undefined {
    const call = this.#live.get(callSid)
    return call ? recordOf(call) : this.#finished.get(callSid)
  }

  /** All of them, the newest first. */
  records(): CallRecord[] {
    const all = [...this.#finished.values(), ...[...this.#live.values()].map(recordOf)]
    return all.toSorted((a, b) => b.startedAt - a.startedAt)
  }

  /** Sends one signed webhook that belongs to no simulated call: an SMS, a late or a repeated callback. Never rejects. */
  async post(path: string, form: Record<string, string>): Promise<WebhookAnswer> {
    const { webhooks } = this.#link
    return await webhooks.send({
      url: webhooks.resolve(path),
      form: { AccountSid: this.accountSid, ...form },
    })
  }

  /** Hangs up every call and waits for their ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    const calls = [...this.#live.values()]
    for (const call of calls) call.hangup()
    await Promise.all(calls.map((call) => call.ended))
    this.#dispose()
  }

  async #keepRecord(call: SimulatedCall): Promise<void> {
    await call.ended
    this.#live.delete(call.callSid)
    this.#finished.set(call.callSid, recordOf(call))
    const [oldest] = this.#finished.keys()
    if (this.#finished.size > FINISHED_KEPT && oldest !== undefined) this.#finished.delete(oldest)
  }
}

function recordOf({ callSid, from, to, direction, state }: SimulatedCall): CallRecord {
  const { status, startedAt, answeredAt, endedAt, seconds } = state
  return { callSid, from, to, direction, status, startedAt, answeredAt, endedAt, seconds }
}
