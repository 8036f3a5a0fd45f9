/** How Twilio reads the response to a voice webhook. Pure. Source: Twilio "Error and warning dictionary". */

import { messageOf } from "../lib/errors.ts"
import { parseTwiml, type TwimlVerb } from "./twiml-reader.ts"
import type { WebhookAnswer } from "./webhook-sender.ts"

/** Why a webhook failed, beginning with the number in Twilio's dictionary; undefined when it did not. */
export function webhookProblem(url: string, { status, fault }: WebhookAnswer): string | undefined {
  if (fault !== undefined) return `11200: ${url}: ${fault}`
  return status >= 200 && status <= 299 ? undefined : `11200: ${url} answered ${status}`
}

/** The verbs to run; an empty body has none. */
export function readTwimlResponse(
  url: string,
  answer: WebhookAnswer,
): { verbs: TwimlVerb[] } | { problem: string } {
  const problem = webhookProblem(url, answer)
  if (problem !== undefined) return { problem }
  if (answer.body.trim() === "") return { verbs: [] }
  if (!/\bxml\b/.test(answer.contentType)) {
    return { problem: `12300: ${url} answered ${answer.contentType || "no content type"}` }
  }
  try {
    return { verbs: parseTwiml(answer.body) }
  } catch (error) {
    return { problem: `12100: ${url}: ${messageOf(error)}` }
  }
}
