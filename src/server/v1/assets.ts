/** `/v1/contexts` and `/v1/manifests`: read, store and delete assets by key, and their versions. The next call uses a change. */

import { Hono } from "hono"
import { z } from "zod"
import { MAX_CONTEXT_CHARACTERS } from "../../assets/asset-text.ts"
import type { Entry } from "../../assets/load.ts"
import { AssetKey } from "../../assets/server-config.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { invalidRequest } from "../errors.ts"
import { jsonObject, jsonText, mediaType } from "./asset-body.ts"
import {
  assetNotFound,
  found,
  source,
  version,
  VERSION_PARAM,
  VersionList,
  versionView,
} from "./asset-schemas.ts"
import { named, operation, withExamples, type BodySpec, type OperationError } from "../openapi/operation.ts"
import { requireUnbound } from "./unbound.ts"

type Kind = "context" | "manifest"

const field = { key: z.string(), version, source }
const CONTEXT = { key: "sales", version: "70532650c07f", source: "file" as const }
const CONTEXT_TEXT = { text: "# Objective\n\nYou sell for {company}. The caller is {firstname}.\n" }
const MANIFEST = { key: "shortTools", version: "9c608ae8e71a", source: "api" as const }
const MANIFEST_TOOLS = {
  tools: [{ type: "function" as const, name: "end-call", description: "Ends the call. Say goodbye first." }],
}

const AssetView = named("Asset", z.object(field), CONTEXT)

const DeletedAsset = withExamples(
  z.object({
    deleted: z.literal(true),
    inForce: AssetView.nullable().describe("The asset of a lower layer that is used from now on"),
  }),
  { deleted: true, inForce: null },
)

const ContextBody = named(
  "ContextBody",
  z.strictObject({ text: z.string().describe(`Markdown of at most ${MAX_CONTEXT_CHARACTERS} characters`) }),
  CONTEXT_TEXT,
)

const ManifestBody = named(
  "ManifestBody",
  z.strictObject({
    tools: z
      .array(z.union([z.string(), z.looseObject({ type: z.literal("function").optional() })]))
      .max(128)
      .describe("Names of built-in tools, and function tools in either of OpenAI's two shapes"),
  }),
  MANIFEST_TOOLS,
)

type KindSchemas = { list: z.ZodType; view: z.ZodType; version: z.ZodType; body: BodySpec }

const SCHEMAS: Readonly<Record<Kind, KindSchemas>> = {
  context: {
    list: withExamples(z.object({ contexts: z.array(AssetView) }), { contexts: [CONTEXT] }),
    view: named("Context", z.object({ ...field, text: z.string() }), { ...CONTEXT, ...CONTEXT_TEXT }),
    version: withExamples(z.object({ key: z.string(), version, text: z.string() }), {
      key: CONTEXT.key,
      version: CONTEXT.version,
      ...CONTEXT_TEXT,
    }),
    body: { schema: ContextBody, texts: { "text/markdown": CONTEXT_TEXT.text } },
  },
  manifest: {
    list: withExamples(z.object({ manifests: z.array(AssetView) }), { manifests: [MANIFEST] }),
    view: named("Manifest", z.object({ ...field, tools: z.array(z.unknown()) }), {
      ...MANIFEST,
      ...MANIFEST_TOOLS,
    }),
    version: withExamples(z.object({ key: z.string(), version, tools: z.array(z.unknown()) }), {
      key: MANIFEST.key,
      version: MANIFEST.version,
      ...MANIFEST_TOOLS,
    }),
    body: { schema: ManifestBody },
  },
}

const FIND_ERRORS: readonly OperationError[] = [400, 404]
const CHANGE_ERRORS: readonly OperationError[] = [409, 502]

export function assetRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  app.route("/", keyedRoutes(context, "context"))
  app.route("/", keyedRoutes(context, "manifest"))
  return app
}

function keyedRoutes({ control, library }: ServerContext, kind: Kind): Hono<Env> {
  const app = new Hono<Env>()
  const schemas = SCHEMAS[kind]
  const path = `/v1/${kind}s` as const
  const isContext = kind === "context"
  const tag = isContext ? "Contexts" : "Manifests"
  const idSuffix = isContext ? "Context" : "Manifest"
  const example = isContext ? CONTEXT : MANIFEST
  const params = { key: { description: `Key of the ${kind}`, example: example.key } }
  const content = (text: string) => (isContext ? { text } : { tools: jsonObject(text)["tools"] })

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

function assetOf(c: RequestContext, kind: Kind): { kind: Kind; key: string } {
  const key = AssetKey.safeParse(c.req.param("key"))
  if (!key.success) throw invalidRequest(key.error, "key")
  return { kind, key: key.data }
}

/** A context as JSON or as Markdown; a manifest as JSON, whose errors are reported with their line. */
async function bodyOf(c: RequestContext, kind: Kind): Promise<string> {
  if (kind === "manifest") return jsonText(c)
  if (mediaType(c) === "text/markdown") return c.req.text()
  const body = ContextBody.safeParse(jsonObject(await jsonText(c, "text/markdown")))
  if (!body.success) throw invalidRequest(body.error, "body")
  return body.data.text
}
