/** A clock of a test, and what speech providers are opened with. */

import type { SpeechServices } from "../../src/speech/connection.ts"
import { getLog } from "../../src/lib/log.ts"
import { TestClock } from "../lib/test-clock.ts"

export function speechServices() {
  const clock = new TestClock()
  const services: SpeechServices = {
    times: { connectMs: 2_000, pingMs: 5_000, stallMs: 3_000 },
    sweep: clock.sweep,
    log: getLog("speech"),
  }
  return { clock, services, [Symbol.dispose]: () => clock[Symbol.dispose]() }
}
