/** The addresses that Twilio is given for its requests to this server. */

/**
 * Connection overrides, as the fragment of the address: Twilio neither sends nor signs it. By default Twilio tries a
 * request a second time only when it cannot connect, and a caller whose request fails hears an error and is hung up on.
 * (Twilio: "Webhooks connection overrides".)
 *
 * - `rp=all`: also after a lost connection, a 5xx or no answer. A repetition carries the same idempotency token, so it
 *   gets the answer of the first request.
 * - `rt=5000`, in milliseconds: an answer takes less than 2 seconds. One that takes longer comes from a process that died
 *   or hangs. Three attempts use the 15 seconds that a webhook of a call may take in total.
 * - `rc=5`, the maximum: a refused or reset connection fails at once, so more attempts fit into that time.
 * - `ct=2000`, in milliseconds: a machine that is starting again does not answer; after that another attempt is better.
 */
const OVERRIDES = "ct=2000&rt=5000&rc=5&rp=all"

/** The address of a webhook, which bridges a restart of the server. `pathAndQuery` begins with a slash. */
export function webhookUrl(publicUrl: string, pathAndQuery: string): string {
  return `${publicUrl}${pathAndQuery}#${OVERRIDES}`
}
