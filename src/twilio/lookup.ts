/** Twilio Lookup. Without the SDK, whose loading would take longer than a caller may wait for the answer. */

import { z } from "zod"
import { LINE_TYPES, type LineType } from "../call/line-type.ts"
import { AppError } from "../lib/errors.ts"
import { connectionOf, type TwilioSdkOptions } from "./sdk.ts"

/** (Twilio: "Lookup v2 API"; "Line type intelligence".) */
const Answer = z.object({
  valid: z.boolean(),
  line_type_intelligence: z
    .object({ type: z.string().nullish(), error_code: z.unknown().optional() })
    .nullish(),
})

/**
 * The kind of line of a number in E.164 form; undefined for a number that no plan has. A word we do not know counts as
 * `unknown`. Throws `AppError` UPSTREAM_FAILED for a request that failed, or whose carrier could not be asked.
 */
export async function lookUpLine(options: TwilioSdkOptions, number: string): Promise<LineType | undefined> {
  const { username, password, httpClient } = connectionOf(options)
  const { statusCode, body } = await httpClient.request({
    method: "get",
    uri: `https://${hostOf(options)}/v2/PhoneNumbers/${number}`,
    username,
    password,
    params: { Fields: "line_type_intelligence" },
    headers: { Accept: "application/json" },
  })
  if (statusCode !== 200) throw failed(`HTTP ${statusCode}`)
  const answer = Answer.safeParse(jsonOf(body))
  if (!answer.success) throw failed("its answer has another form")
  const { valid, line_type_intelligence: line } = answer.data
  if (!valid) return undefined
  if (!line?.type) throw failed(`error ${JSON.stringify(line?.error_code ?? null)}`)
  return LINE_TYPES.find((known) => known === line.type) ?? "unknown"
}

/** (Twilio: "Using the REST API in a non-US region".) */
function hostOf({ edge, region }: TwilioSdkOptions): string {
  return ["lookups", ...(edge && region ? [edge, region] : []), "twilio.com"].join(".")
}

function failed(why: string): AppError {
  return new AppError("UPSTREAM_FAILED", `Twilio could not look up the number: ${why}.`)
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
