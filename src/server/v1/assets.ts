/** `/v1/contexts`, `/v1/manifests` and `/v1/menus`: read, store and delete assets by key, and their versions. The next call uses a change. */

import { Hono } from "hono"
import type { z } from "zod"
import type { Entry } from "../../assets/load.ts"
import { AssetKey } from "../../assets/server-config.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { invalidRequest } from "../errors.ts"
import { jsonObject, jsonText, mediaType } from "./asset-body.ts"
import { AssetView, ContextBody, DeletedAsset, KINDS, SCHEMAS, type KeyedKind } from "./asset-kinds.ts"
import { assetNotFound, found, VERSION_PARAM, VersionList, versionView } from "./asset-schemas.ts"
import { operation, type OperationError } from "../openapi/operation.ts"
import { requireUnbound } from "./unbound.ts"

const FIND_ERRORS: readonly OperationError[] = [400, 404]
const CHANGE_ERRORS: readonly OperationError[] = [409, 502]

export function assetRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  app.route("/", keyedRoutes(context, "context"))
  app.route("/", keyedRoutes(context, "manifest"))
  app.route("/", keyedRoutes(context, "menu"))
  return app
}

function keyedRoutes({ control, library }: ServerContext, kind: KeyedKind): Hono<Env> {
  const app = new Hono<Env>()
  const schemas = SCHEMAS[kind]
  const path = `/v1/${kind}s` as const
  const { tag, id: idSuffix, example, content } = KINDS[kind]
  const params = { key: { description: `Key of the ${kind}`, example } }

  app.get(
    path,
    operation({
      id: `list${idSuffix}s`,
      tag,
      summary: `List the ${kind}s in use`,
      responses: { 200: { description: `The ${kind}s, without their content`, schema: schemas.list } },
    }),
    async (c) => {
      await control.assets.refresh()
      return c.json({ [`${kind}s`]: library.list(kind).map(assetView) })
    },
  )

  app.get(
    `${path}/:key`,
    operation({
      id: `get${idSuffix}`,
      tag,
      summary: `Read a ${kind}`,
      params,
      responses: { 200: { description: `The ${kind} with its content`, schema: schemas.view } },
      errors: FIND_ERRORS,
    }),
    async (c) => {
      const asset = assetOf(c, kind)
      await control.assets.refresh()
      const entry = found(library.find(asset), asset)
      return c.json({ ...assetView(entry), ...content(entry.text) })
    },
  )

  app.put(
    `${path}/:key`,
    operation({
      id: `put${idSuffix}`,
      tag,
      summary: `Store a ${kind}; the next call uses it`,
      description: `It takes precedence over a file with the same key. A ${kind} with an error changes nothing.`,
      params,
      body: schemas.body,
      responses: { 200: { description: `The stored ${kind}, without its content`, schema: AssetView } },
      errors: CHANGE_ERRORS,
    }),
    requireUnbound,
    async (c) => {
      const asset = assetOf(c, kind)
      const text = await bodyOf(c, kind)
      const [entry] = await library.put([{ ...asset, text }])
      return c.json(assetView(found(entry, asset)))
    },
  )

  app.delete(
    `${path}/:key`,
    operation({
      id: `delete${idSuffix}`,
      tag,
      summary: `Delete a stored ${kind}`,
      description: `A ${kind} of a file or of the program with the same key is used again. Versions stay readable.`,
      params,
      responses: { 200: { description: `The ${kind} is deleted`, schema: DeletedAsset } },
      errors: [...FIND_ERRORS, ...CHANGE_ERRORS],
    }),
    requireUnbound,
    async (c) => {
      const asset = assetOf(c, kind)
      await library.remove(asset)
      const below = library.find(asset)
      return c.json({ deleted: true, inForce: below ? assetView(below) : null })
    },
  )

  app.get(
    `${path}/:key/versions`,
    operation({
      id: `list${idSuffix}Versions`,
      tag,
      summary: `List the versions of a ${kind}, newest first`,
      params,
      responses: { 200: { description: "The versions", schema: VersionList } },
      errors: FIND_ERRORS,
    }),
    async (c) => {
      const asset = assetOf(c, kind)
      const versions = await library.versions(asset)
      if (versions.length === 0) throw assetNotFound(asset)
      return c.json({ versions: versions.map(versionView) })
    },
  )

  app.get(
    `${path}/:key/versions/:version`,
    operation({
      id: `get${idSuffix}Version`,
      tag,
      summary: `Read one version of a ${kind}`,
      params: { ...params, version: VERSION_PARAM },
      responses: { 200: { description: "The content of the version", schema: schemas.version } },
      errors: FIND_ERRORS,
    }),
    async (c) => {
      const asset = assetOf(c, kind)
      const hash = c.req.param("version")
      const text = found(await library.read(asset, hash), asset, hash)
      return c.json({ key: asset.key, version: hash, ...content(text) })
    },
  )

  return app
}

function assetView({ key, version: hash, source: layer }: Entry): z.infer<typeof AssetView> {
  return { key, version: hash, source: layer }
}

function assetOf(c: RequestContext, kind: KeyedKind): { kind: KeyedKind; key: string } {
  const key = AssetKey.safeParse(c.req.param("key"))
  if (!key.success) throw invalidRequest(key.error, "key")
  return { kind, key: key.data }
}

/** A context as JSON or as Markdown; a manifest or a menu as JSON, whose errors are reported with their line. */
async function bodyOf(c: RequestContext, kind: KeyedKind): Promise<string> {
  if (kind !== "context") return jsonText(c)
  if (mediaType(c) === "text/markdown") return c.req.text()
  const body = ContextBody.safeParse(jsonObject(await jsonText(c, "text/markdown")))
  if (!body.success) throw invalidRequest(body.error, "body")
  return body.data.text
}
