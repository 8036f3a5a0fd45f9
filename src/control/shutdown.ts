/** How a server stops without ending its calls: it waits for them, then moves the rest to the next process. */

import type { ControlContext } from "./context.ts"

const RESPONSE_MS = 100

export type ShutdownContext = Pick<
  ControlContext,
  "config" | "liveCalls" | "log" | "moving" | "recorder" | "sweep"
>

export type WaitForCallsOptions = {
  /** Messages of text conversations that are being answered. */
  messages: () => number
  /** Ends the wait. */
  signal: AbortSignal
}

/** Resolves when no conversation runs, or at the time limit of the configuration. */
export async function waitForCalls(
  { config, liveCalls, sweep }: ShutdownContext,
  { messages, signal }: WaitForCallsOptions,
): Promise<void> {
  const now = () => sweep.clock.monotonic()
  const deadline = now() + config.times.drainMs
  const isBusy = () => liveCalls.inUse(now()) + liveCalls.settling + messages() > 0
  while (!signal.aborted && isBusy() && now() < deadline) await sweep.sleep(50, signal)
}

export type MoveCallsOptions = {
  /** Closes the sockets of all calls, so that Twilio asks what follows. */
  closeSockets: () => void
  longestMs: number
  /** Ends the wait. */
  signal: AbortSignal
}

/** Resolves when Twilio has asked what each of the calls does next, or after `longestMs`. */
export async function moveCalls(
  { liveCalls, log, moving, recorder, sweep }: ShutdownContext,
  { closeSockets, longestMs, signal }: MoveCallsOptions,
): Promise<void> {
  for (const { callId } of liveCalls.all()) moving.add(callId)
  if (moving.size === 0) return
  log.info("calls move to the next process", { calls: moving.size })
  closeSockets()
  // The next process reads the conversation from the database.
  recorder.flush()
  const until = sweep.clock.monotonic() + longestMs
  while (!signal.aborted && moving.size > 0 && sweep.clock.monotonic() < until) await sweep.sleep(20, signal)
  // The last response is still to be sent.
  if (!signal.aborted) await sweep.sleep(RESPONSE_MS, signal)
}
