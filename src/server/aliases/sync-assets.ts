/** `/api/sync/…` of Simple Conversation Relay: assets by its names and in its formats. Works in file mode too. */

import { Hono } from "hono"
import { z } from "zod"
import type { AssetKind } from "../../assets/asset-text.ts"
import { AppError, toAppError } from "../../lib/errors.ts"
import { jsonObject } from "../v1/asset-body.ts"
import { requireUnbound } from "../v1/unbound.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { errorHandler, invalidRequest } from "../errors.ts"
import { requireAuth } from "../auth.ts"
import { succeededBy } from "./shared.ts"

const UsedConfig = z
  .object({ context: z.string().optional(), manifest: z.string().optional() })
  .refine(
    ({ context, manifest }) => context !== undefined || manifest !== undefined,
    "must name context or manifest",
  )

/** Most assets in one request. */
const MAX_ASSETS = 50

export function syncAssetAlias(context: ServerContext): Hono<Env> {
  const { control, library, log } = context
  const app = new Hono<Env>()
  const onError = errorHandler(log)

  app.onError(async (error, c) => {
    await onError(error, c)
    const { publicMessage, http } = toAppError(error)
    return c.json({ success: false, error: publicMessage }, http)
  })
  app.use("/api/sync/*", requireAuth(context))

  app.post("/api/sync/context", requireUnbound, async (c) => {
    const given = await assetsOf(c)
    const stored = await library.put(
      given.map(([key, text]) => ({ kind: "context", key, text: textOf(key, text) })),
    )
    succeededBy(c, "/v1/contexts")
    return c.json({ success: true, keys: stored.map(({ key }) => key) })
  })

  app.post("/api/sync/toolmanifest", requireUnbound, async (c) => {
    const given = await assetsOf(c)
    const kind: AssetKind = "manifest"
    const stored = await library.put(
      given.map(([key, value]) => ({ kind, key, text: JSON.stringify(value, null, 2) })),
    )
    succeededBy(c, "/v1/manifests")
    return c.json({ success: true, keys: stored.map(({ key }) => key) })
  })

  app.post("/api/sync/usedconfig", requireUnbound, async (c) => {
    const used = UsedConfig.safeParse(jsonObject(await c.req.text()))
    if (!used.success) throw invalidRequest(used.error, "body")
    await library.patchConfig({ AssetLoader: used.data })
    succeededBy(c, "/v1/config")
    return c.json({ success: true, ...used.data })
  })

  app.post("/api/sync/serverconfig", requireUnbound, async (c) => {
    // Clients may send back what GET returned.
    const { success: _, ...patch } = jsonObject(await c.req.text())
    await library.patchConfig(patch)
    succeededBy(c, "/v1/config")
    return c.json({ success: true, ...library.config() })
  })

  app.get("/api/sync/serverconfig", async (c) => {
    await control.assets.refresh()
    succeededBy(c, "/v1/config")
    return c.json({ success: true, ...library.config() })
  })

  return app
}

/** The members of a body `{"<key>": …}`. */
async function assetsOf(c: RequestContext): Promise<[string, unknown][]> {
  const assets = Object.entries(jsonObject(await c.req.text()))
  if (assets.length === 0 || assets.length > MAX_ASSETS) {
    throw new AppError("INVALID_REQUEST", `The body must hold 1 to ${MAX_ASSETS} assets, each under its key.`)
  }
  return assets
}

function textOf(key: string, text: unknown): string {
  if (typeof text === "string") return text
  throw new AppError("INVALID_REQUEST", `The context ${key.slice(0, 64)} must be a text.`)
}
