/** `/v1/contexts`, `/v1/manifests` and `/v1/config`: read, store, delete, and every version. Holds for the next call. */

import { Hono } from "hono"
import { createMiddleware } from "hono/factory"
import { CONFIG_KEY } from "../../assets/asset-text.ts"
import { AssetKey } from "../../assets/server-config.ts"
import type { Entry } from "../../assets/load.ts"
import { AppError } from "../../lib/errors.ts"
import { jsonObject } from "./asset-body.ts"
import { assetView, ContextBody, versionView } from "./asset-views.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { invalidRequest } from "../errors.ts"

type Kind = "context" | "manifest"
type Place = { kind: Kind | "config"; key: string }

const CONFIG: Place = { kind: "config", key: CONFIG_KEY }

/** To be mounted under `/v1`, behind the check of the key. */
export function assetRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  for (const [path, kind] of [
    ["/contexts", "context"],
    ["/manifests", "manifest"],
  ] as const) {
    app.route(path, keyedRoutes(context, kind))
  }
  app.route("/config", configRoutes(context))
  return app
}

/** Assets are everybody's: a key of one user may read them, and change none. */
export const requireUnbound = createMiddleware<Env>(async function requireUnboundHandler(c, next) {
  if (c.get("auth").userId !== null) {
    throw new AppError(
      "FORBIDDEN",
      "Assets belong to all users; this key belongs to one and may only read them.",
    )
  }
  await next()
})

function keyedRoutes({ control, library }: ServerContext, kind: Kind): Hono<Env> {
  const app = new Hono<Env>()
  const content = (text: string) => (kind === "context" ? { text } : { tools: jsonObject(text)["tools"] })

  app.get("/", async (c) => {
    await control.assets.refresh()
    return c.json({ [`${kind}s`]: library.list(kind).map(assetView) })
  })

  app.get("/:key", async (c) => {
    const place = placeOf(c, kind)
    await control.assets.refresh()
    const entry = found(library.find(place), place)
    return c.json({ ...assetView(entry), ...content(entry.text) })
  })

  app.put("/:key", requireUnbound, async (c) => {
    const place = placeOf(c, kind)
    const text = await bodyOf(c, kind)
    const [entry] = await library.put([{ ...place, text }])
    return c.json(assetView(found(entry, place)))
  })

  app.delete("/:key", requireUnbound, async (c) => {
    const place = placeOf(c, kind)
    await library.remove(place)
    const below = library.find(place)
    return c.json({ deleted: true, inForce: below ? assetView(below) : null })
  })

  app.get("/:key/versions", (c) => {
    const place = placeOf(c, kind)
    const versions = library.versions(place)
    if (versions.length === 0) throw unknown(place)
    return c.json({ versions: versions.map(versionView) })
  })

  app.get("/:key/versions/:version", (c) => {
    const place = placeOf(c, kind)
    const version = c.req.param("version")
    return c.json({
      key: place.key,
      version,
      ...content(found(library.read(place, version), place, version)),
    })
  })

  return app
}

function configRoutes({ control, library }: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const view = () => {
    const { version, source } = found(library.find(CONFIG), CONFIG)
    return { version, source, config: library.config() }
  }

  app.get("/", async (c) => {
    await control.assets.refresh()
    return c.json(view())
  })

  app.put("/", requireUnbound, async (c) => {
    const text = await jsonText(c)
    jsonObject(text)
    await library.put([{ ...CONFIG, text }])
    return c.json(view())
  })

  app.patch("/", requireUnbound, async (c) => {
    await library.patchConfig(jsonObject(await jsonText(c)))
    return c.json(view())
  })

  app.delete("/", requireUnbound, async (c) => {
    await library.remove(CONFIG)
    return c.json(view())
  })

  app.get("/versions", (c) => c.json({ versions: library.versions(CONFIG).map(versionView) }))

  app.get("/versions/:version", (c) => {
    const version = c.req.param("version")
    return c.json({ version, config: jsonObject(found(library.read(CONFIG, version), CONFIG, version)) })
  })

  return app
}

function placeOf(c: RequestContext, kind: Kind): { kind: Kind; key: string } {
  const key = AssetKey.safeParse(c.req.param("key"))
  if (!key.success) throw invalidRequest(key.error, "key")
  return { kind, key: key.data }
}

/** A context as JSON or as Markdown; a manifest as JSON, whose faults are told with their line. */
async function bodyOf(c: RequestContext, kind: Kind): Promise<string> {
  if (kind === "manifest") return jsonText(c)
  if (mediaType(c) === "text/markdown") return c.req.text()
  const body = ContextBody.safeParse(jsonObject(await jsonText(c, "text/markdown")))
  if (!body.success) throw invalidRequest(body.error, "body")
  return body.data.text
}

async function jsonText(c: RequestContext, ...others: string[]): Promise<string> {
  if (!/^application\/(?:[\w.-]+\+)?json$/.test(mediaType(c))) {
    const types = ["application/json", ...others].join(" or ")
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", `Send the body with Content-Type ${types}.`)
  }
  return c.req.text()
}

function mediaType(c: RequestContext): string {
  return (c.req.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""
}

function found<T extends Entry | string>(value: T | undefined, place: Place, version?: string): T {
  if (value === undefined) throw unknown(place, version)
  return value
}

function unknown({ kind, key }: Place, version?: string): AppError {
  const what = version === undefined ? kind : `version of ${kind}`
  return new AppError(
    "NOT_FOUND",
    `There is no such ${what}: ${key}${version === undefined ? "" : ` ${version.slice(0, 64)}`}.`,
  )
}
