/** What the models of a call used, with an estimate of the cost. */

import type { Call } from "../call/call.ts"
import { priced, type Prices } from "../call/price.ts"
import type { Usage } from "../call/usage.ts"
import type { Store } from "../store/store.ts"

/** What `usageOf` reads. */
export type UsageSource = { store: Pick<Store, "usage" | "events">; prices: Prices }

/** Speech-to-speech models report their usage; that of text models is the sum of the recorded replies. */
export async function usageOf(
  { store: { usage, events }, prices }: UsageSource,
  call: Call,
): Promise<Usage[]> {
  const byModel = new Map<string, Record<string, number>>()
  for (const { event } of await events.ofType(call.id, "reply.finished")) {
    if (event.type !== "reply.finished" || event.model === undefined) continue
    const amounts = byModel.get(event.model) ?? {
      replies: 0,
      inputTokens: 0,
      cachedTokens: 0,
      outputTokens: 0,
    }
    amounts["replies"] = (amounts["replies"] ?? 0) + 1
    for (const name of ["inputTokens", "cachedTokens", "outputTokens"] as const) {
      amounts[name] = (amounts[name] ?? 0) + (event[name] ?? 0)
    }
    byModel.set(event.model, amounts)
  }
  const chat = [...byModel].map(([model, amounts]) =>
    priced({ kind: "chat", model, amounts, cost: null }, prices),
  )
  return [...(await usage.of(call.id)), ...chat]
}
