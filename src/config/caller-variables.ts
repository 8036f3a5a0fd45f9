/** Variables about callers: the customer API, what is stored of callers, and documents with the roles of agents. */

import type { z } from "zod"
import { anyText, apiPath, googleDocId, httpUrl, whole } from "./text-fields.ts"

const count = whole(1, 1_000_000)
const ms = (least = 1) => whole(least, 315_360_000_000)

/** `named` gives a variable its meaning. */
export function callerVariables(named: <T extends z.ZodType>(type: T, meaning: string) => T) {
  return {
    CUSTOMER_API_URL: named(
      httpUrl.optional(),
      "Address of the customer API, which knows who has consented; none: only what is reported to this server counts",
    ),
    CUSTOMER_API_KEY: named(anyText.optional(), "Bearer token for requests to the customer API"),
    CUSTOMER_API_TIMEOUT_MS: named(ms().default(5000), "Timeout for a response of the customer API"),
    CUSTOMER_API_LOOKUP_PATH: named(
      apiPath.default("/api/lookup-phone"),
      "GET path that says whether a number has consented and is logged in",
    ),
    CUSTOMER_API_MESSAGE_PATH: named(
      apiPath.default("/api/send-message"),
      "POST path that sends a caller the link for consent",
    ),
    CUSTOMER_API_LOGIN_PATH: named(apiPath.default("/api/login"), "POST path that logs a caller in"),
    CONSENT_LINKS_PER_NUMBER_PER_DAY: named(
      count.default(10),
      "Maximum of links for consent that the customer API is asked to send to one number within 24 hours",
    ),
    CONSENT_LINKS_PER_HOUR: named(
      count.default(300),
      "Maximum of links for consent that the customer API is asked to send within an hour, all calls together",
    ),
    CALLER_TOKEN_TTL_MS: named(
      ms().default(3_600_000),
      "Lifetime of the token with which others may report about the caller of one call",
    ),
    CALLER_LOGIN_TTL_MS: named(ms().default(86_400_000), "Time for which a login of a caller counts"),
    MAX_CALLERS: named(
      whole(1, 1_000_000).default(100_000),
      "Maximum of stored callers; the oldest are deleted",
    ),
    GOOGLE_DOC_SYSTEM: named(
      googleDocId.optional(),
      "Id of a Google document: the context systemMessage, for callers who have not consented",
    ),
    GOOGLE_DOC_CONSENT: named(
      googleDocId.optional(),
      "Id of a Google document: the context consentMessage, for callers who have consented",
    ),
    GOOGLE_DOC_LIVE_AGENT: named(
      googleDocId.optional(),
      "Id of a Google document: the context liveAgentMessage, for the tool change-context",
    ),
    GOOGLE_DOC_BASE_URL: named(
      httpUrl.optional(),
      "Address from which Google documents are exported, instead of https://docs.google.com",
    ),
    DOCUMENT_REFRESH_MS: named(ms(1000).default(300_000), "Time between two checks of a document"),
    DOCUMENT_TIMEOUT_MS: named(ms().default(10_000), "Timeout for fetching a document"),
  }
}
