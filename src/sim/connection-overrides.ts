/** Connection overrides in the fragment of a webhook's address. (Twilio: "Webhooks connection overrides".) */

export type FailureKind = "ct" | "rt" | "4xx" | "5xx"

export type ConnectionOverrides = {
  /** Attempts after the first one. */
  retries: number
  retriesOn: (kind: FailureKind) => boolean
  /** Longest wait for one response, in milliseconds. */
  readTimeoutMs: number
  /** Longest time of all attempts together, in milliseconds. */
  totalMs: number
}

/** With Twilio's defaults for what the address does not say: one more attempt, and only after a failed connection. */
export function connectionOverrides(url: string): ConnectionOverrides {
  const fields = new URLSearchParams(url.split("#", 2)[1] ?? "")
  const policy = (fields.get("rp") ?? "ct").split(",")
  return {
    retries: Math.min(5, numberOf(fields, "rc", 1)),
    retriesOn: (kind) => policy.includes("all") || policy.includes(kind),
    readTimeoutMs: numberOf(fields, "rt", 15_000),
    totalMs: numberOf(fields, "tt", 15_000),
  }
}

function numberOf(fields: URLSearchParams, name: string, fallback: number): number {
  const value = Number(fields.get(name) ?? fallback)
  return Number.isInteger(value) && value >= 0 ? value : fallback
}
