/** The phone numbers of the account, read from Twilio when they are needed and kept for a while. */

import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { TwilioRest } from "../twilio/rest.ts"

const KEPT_MS = 10 * 60_000
/** After a failure Twilio is asked again this long after it. */
const RETRY_MS = 60_000
/** Who asks must answer Twilio within seconds. */
const MAX_WAIT_MS = 1_500
/** The largest page of Twilio's list. */
const MAX_NUMBERS = 1000

export type OwnNumbersOptions = {
  /** Undefined without credentials: then there are none. */
  twilio: Pick<TwilioRest, "numbers"> | undefined
  sweep: Sweep
  log: Log
}

/** The result never rejects: it resolves within 1.5 s, where Twilio does not answer with what is known from before. */
export function createOwnNumbers({
  twilio,
  sweep,
  log,
}: OwnNumbersOptions): () => Promise<readonly string[]> {
  let known: readonly string[] = []
  let goodUntil = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  async function read(from: Pick<TwilioRest, "numbers">): Promise<void> {
    try {
      known = (await from.numbers(MAX_NUMBERS)).map(({ phoneNumber }) => phoneNumber)
      goodUntil = sweep.clock.monotonic() + KEPT_MS
    } catch (error) {
      goodUntil = sweep.clock.monotonic() + RETRY_MS
      log.warn("the numbers of the account could not be read", { error: messageOf(error) })
    } finally {
      reading = undefined
    }
  }

  return async function ownNumbers() {
    if (!twilio || sweep.clock.monotonic() < goodUntil) return known
    reading ??= read(twilio)
    const giveUp = new AbortController()
    await Promise.race([reading, sweep.sleep(MAX_WAIT_MS, giveUp.signal)])
    giveUp.abort()
    return known
  }
}
