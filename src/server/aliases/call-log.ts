/** A call in the form of Caller Assistant: its log, the three forms of its phone menu, and what became of its webhook. */

import type { Call } from "../../call/call.ts"
import { filledMenu, keysOf } from "../../call/ivr-matching.ts"
import type { IvrMenu } from "../../call/ivr-menu.ts"
import type { Turn } from "../../call/turn.ts"
import { WEBHOOK_JOB } from "../../control/follow-up-jobs.ts"
import type { Job } from "../../store/jobs.ts"
import type { Store } from "../../store/store.ts"

export type LogLine = { role: "user" | "assistant"; content: string }

export type CallLog = {
  sid: string | null
  callstatus: string
  /** `bot`, `/hangupcall`, or `NA` when somebody else ended the call or it continues. */
  callEndedBy: string
  webhookTriggerStatus: TriggerStatus
  /** Milliseconds since the epoch. */
  updatedAt: number
  /** The outcome of the call; null before it is known. */
  applicationStatus: unknown
  transcription: LogLine[]
  "ivr--transcription": LogLine[]
  providedIvrMenu: IvrMenu[]
  transformedIvrMenu: IvrMenu[]
  internalUsedIvrMenu: IvrMenu[]
}

export type TriggerStatus = "success" | "failed" | "NA"

export async function callLogOf(store: Store, call: Call): Promise<CallLog> {
  const turns = await store.turns.of(call.id)
  const outcome = await store.outcomes.of(call.id)
  const menu = call.ivrMenu ?? []
  const times = [call.createdAt, call.answeredAt, call.endedAt, ...turns.map(({ endedAt }) => endedAt)]
  return {
    sid: call.sid,
    callstatus: call.status,
    callEndedBy: enderOf(call),
    webhookTriggerStatus: triggerStatus(await store.jobs.find(call.id, WEBHOOK_JOB)),
    updatedAt: Math.max(...times.map((time) => time ?? 0)),
    applicationStatus: outcome?.status === "ready" ? outcome.data : null,
    transcription: linesOf(turns.filter(({ kind }) => kind === "speech" || kind === "keypad")),
    "ivr--transcription": linesOf(turns.filter(({ kind }) => kind === "ivr")),
    providedIvrMenu: [menu],
    transformedIvrMenu: [transformedMenu(call)],
    internalUsedIvrMenu: [internalMenu(call)],
  }
}

type MenuOfCall = Pick<Call, "ivrMenu" | "parameters">

/** With placeholders filled; words in lower case, without anything but letters, digits and blanks. */
export function transformedMenu({ ivrMenu, parameters }: MenuOfCall): IvrMenu {
  return mapMenu(filledMenu(ivrMenu ?? [], parameters), (text) => plain(text, " "))
}

/** The same without blanks. */
function internalMenu({ ivrMenu, parameters }: MenuOfCall): IvrMenu {
  return mapMenu(filledMenu(ivrMenu ?? [], parameters), (text) => plain(text, ""))
}

/** Keys stay as they are pressed. */
function mapMenu(menu: IvrMenu, change: (text: string) => string): IvrMenu {
  return menu.map(({ intent, triggers, response }) => ({
    intent,
    triggers: triggers.map(change),
    response: keysOf(response) ?? change(response),
  }))
}

function plain(text: string, blank: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, "")
    .replace(/\s+/g, blank)
}

function enderOf({ endedBy }: Call): string {
  switch (endedBy) {
    case "agent":
    case "limit":
    case "silence":
      return "bot"
    case "api":
      return "/hangupcall"
    case "caller":
    case "system":
    case null:
      return "NA"
    default:
      return endedBy satisfies never
  }
}

/** `failed` also while further attempts follow. */
export function triggerStatus(job: Pick<Job, "state" | "lastError"> | undefined): TriggerStatus {
  if (job?.state === "done") return "success"
  return job?.state === "failed" || (job?.lastError ?? null) !== null ? "failed" : "NA"
}

function linesOf(turns: readonly Turn[]): LogLine[] {
  return turns.flatMap(({ speaker, text }): LogLine[] => {
    if (speaker === "system" || text.trim() === "") return []
    return [{ role: speaker === "caller" ? "user" : "assistant", content: text.trim() }]
  })
}
