/** Records which versions of context and manifest a call uses, so that its record can be understood later. */

import type { Agent } from "../assets/agent.ts"
import type { CallId } from "../call/ids.ts"
import type { ControlContext } from "./context.ts"

/** Stores the versions with the call, and the texts of versions that are not stored yet, since files change. */
export async function recordAssetVersions(
  { store, sweep }: ControlContext,
  callId: CallId,
  agent: Agent,
): Promise<void> {
  const { calls, assets } = store
  const { context, manifest } = agent
  const at = sweep.clock.now()
  await calls.setVersions(callId, {
    contextKey: context.key,
    contextVersion: context.version,
    manifestKey: manifest.key,
    manifestVersion: manifest.version,
  })
  await assets.saveVersion({ kind: "context", ...context, at })
  const { key, version } = manifest
  await assets.saveVersion({
    kind: "manifest",
    key,
    version,
    text: JSON.stringify({ tools: manifest.tools }),
    at,
  })
}
