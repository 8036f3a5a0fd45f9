/** The requests of Twilio about a call in a menu: input of the caller, and messages that callers leave. */

import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import type { NextStep } from "../call/next-step.ts"
import { isTerminal } from "../call/status.ts"
import { publish, type ControlContext } from "../control/context.ts"
import { reportStatus } from "../control/report-status.ts"
import type { StoredMenu } from "../store/calls.ts"
import type { MenuWebhook, RecordingWebhook } from "../twilio/webhooks.ts"
import { takeInput, present } from "./call-menus.ts"
import type { MenuInput } from "./scene.ts"

export type MenuAnswer = {
  webhook: MenuWebhook
  /**
   * The revision of the state that the input is for, as the address contains it; `present`: the address contains none, and
   * the input is for whatever state the call is in; `again`: there is no input, the present step is asked for once more.
   */
  revision: number | "present" | "again"
  /** The part of a question that the earlier system has an address of its own for. */
  part?: "collect" | "confirm"
}

/** In characters; Twilio recognises speech of up to a minute. */
const MAX_INPUT = 2_000
const RECORDING_SID = /\bRE[0-9a-zA-Z]{32}\b/

/** Undefined for a call that is unknown or in no menu, or whose question has no such part now. */
export function answerMenu(context: ControlContext, answer: MenuAnswer): Promise<NextStep | undefined> {
  return context.callQueue.run(answer.webhook.callSid, () => answered(context, answer))
}

async function answered(context: ControlContext, answer: MenuAnswer): Promise<NextStep | undefined> {
  const { store, sweep, log } = context
  const { webhook, revision, part } = answer
  const { callSid, callStatus } = webhook
  const call = await store.calls.bySid(callSid)
  if (!call) {
    log.warn("menu input of an unknown call", { callSid })
    return undefined
  }
  const stored = await store.calls.menuOf(call.id)
  // Also when the caller has hung up: that ends a message. The answer does not wait for a database that is locked.
  if (stored) log.background("storing a message", storeMessage(context, call, { stored, webhook }))
  const isOver = isTerminal(callStatus)
  if (!isOver && isTerminal(call.status)) return { kind: "hang-up" }
  if (callStatus !== call.status)
    await reportStatus(context, call, { status: callStatus, at: sweep.clock.now() })
  if (isOver) return { kind: "nothing" }
  if (!stored) return undefined
  if (revision === "again") return present(context, call)
  if (revision !== "present" && revision !== stored.revision) {
    log.info("late menu input", { callSid, revision, present: stored.revision })
    return present(context, call)
  }
  if (part === "confirm" && stored.state.phase !== "confirm") return undefined
  const at = part === "collect" ? await collectingAgain(context, call, stored) : stored
  return at && takeInput(context, call, { stored: at, input: inputOf(webhook) })
}

/** The caller enters another value although the last one is still to be confirmed; undefined where none can be entered. */
async function collectingAgain(
  context: ControlContext,
  call: Call,
  stored: StoredMenu,
): Promise<StoredMenu | undefined> {
  if (stored.state.action.kind !== "ask") return undefined
  if (stored.state.phase === "collect") return stored
  await takeInput(context, call, { stored, input: { kind: "enter-again" } })
  return context.store.calls.menuOf(call.id)
}

function inputOf({ digits, speech, recordingUrl, recordingSeconds }: MenuWebhook): MenuInput {
  if (recordingUrl !== null) return { kind: "recorded", seconds: recordingSeconds ?? 0 }
  if (digits !== null) return { kind: "keys", digits: digits.slice(0, MAX_INPUT) }
  return speech === null || speech.trim() === ""
    ? { kind: "none" }
    : { kind: "speech", text: speech.slice(0, MAX_INPUT) }
}

async function storeMessage(
  context: ControlContext,
  call: Call,
  { stored, webhook }: { stored: StoredMenu; webhook: MenuWebhook },
): Promise<void> {
  const { recordingUrl: url, recordingSeconds: durationSeconds } = webhook
  const [recordingSid] = RECORDING_SID.exec(url ?? "") ?? []
  if (url === null || recordingSid === undefined || durationSeconds === 0) return
  const { menu, step } = stored.state
  await report(context, call, { recordingSid, menu, step, url, durationSeconds })
}

export type RecordingReport = {
  webhook: RecordingWebhook
  /** The call, the menu and the step of the message, from the address of the callback. */
  callId: CallId
  menu: string
  step: string
}

/** A message can be fetched, was silent, or was transcribed. One of another call changes nothing. */
export async function recordingReported(context: ControlContext, given: RecordingReport): Promise<void> {
  const { webhook, callId, menu, step } = given
  const { callSid, recordingSid, url, status, durationSeconds, transcription } = webhook
  const call = await context.store.calls.byId(callId)
  if (!call || call.sid !== callSid) {
    return context.log.warn("recording of an unknown call", { callSid, recordingSid })
  }
  await report(context, call, {
    recordingSid,
    menu,
    step,
    durationSeconds,
    transcription,
    ...(url === null ? {} : { url }),
    ...(status === undefined ? {} : { status }),
  })
}

type Reported = Omit<Parameters<ControlContext["store"]["voiceMessages"]["report"]>[0], "callId" | "at">

async function report(context: ControlContext, call: Call, reported: Reported): Promise<void> {
  const { store, sweep, log } = context
  const at = sweep.clock.now()
  const isNew = await store.voiceMessages.report({ ...reported, callId: call.id, at })
  if (!isNew || reported.status === "absent") return
  const { recordingSid, durationSeconds = null } = reported
  publish(context, call, { type: "message.left", recordingSid, durationSeconds })
  log.info("message left", { callSid: call.sid, recordingSid, durationSeconds })
}
