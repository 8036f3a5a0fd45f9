/** What the API shows and takes of contexts, manifests and the configuration: the schemas are the documentation too. */

import { z } from "zod"
import { MAX_CONTEXT_CHARACTERS } from "../../assets/asset-text.ts"
import type { AssetVersion } from "../../assets/library.ts"
import type { Entry } from "../../assets/load.ts"

const source = z
  .enum(["embedded", "file", "api", "sync"])
  .describe("Layer it comes from: shipped with the program, a file, stored by the API, Twilio Sync")
const version = z.string().describe("Short hash: the same content, the same version")
const field = { key: z.string(), version, source }

export const AssetView = z.object(field).meta({ id: "Asset" })
export const ContextView = z.object({ ...field, text: z.string() }).meta({ id: "Context" })
export const ManifestView = z.object({ ...field, tools: z.array(z.unknown()) }).meta({ id: "Manifest" })
export const ConfigView = z
  .object({ version, source, config: z.record(z.string(), z.unknown()) })
  .meta({ id: "Configuration" })

export const VersionView = z
  .object({
    version,
    source: z
      .enum(["embedded", "file", "api", "sync", "seen"])
      .describe("seen: the text of a file that a call ran with"),
    createdAt: z.iso.datetime().nullable(),
    inForce: z.boolean(),
  })
  .meta({ id: "AssetVersion" })

export const ContextList = z.object({ contexts: z.array(AssetView) })
export const ManifestList = z.object({ manifests: z.array(AssetView) })
export const VersionList = z.object({ versions: z.array(VersionView) })
export const ContextVersion = z.object({ key: z.string(), version, text: z.string() })
export const ManifestVersion = z.object({ key: z.string(), version, tools: z.array(z.unknown()) })
export const ConfigVersion = z.object({ version, config: z.record(z.string(), z.unknown()) })
export const Deleted = z.object({ deleted: z.literal(true), inForce: AssetView.nullable() })

export const ContextBody = z
  .strictObject({
    text: z.string().describe(`Markdown of at most ${MAX_CONTEXT_CHARACTERS} characters`),
  })
  .meta({ id: "ContextBody" })

export const ManifestBody = z
  .strictObject({
    tools: z
      .array(z.looseObject({ type: z.literal("function").optional() }))
      .max(128)
      .describe("Function tools in either of OpenAI's two shapes"),
  })
  .meta({ id: "ManifestBody" })

export const ConfigBody = z
  .record(z.string(), z.unknown())
  .describe("ConversationRelay, AssetLoader, Server, agents, numbers: the content of serverConfig.json")

export function assetView({ key, version: hash, source: layer }: Entry): z.infer<typeof AssetView> {
  return { key, version: hash, source: layer }
}

export function versionView({ version: hash, source: layer, createdAt, inForce }: AssetVersion) {
  const at = createdAt === null ? null : new Date(createdAt).toISOString()
  return { version: hash, source: layer, createdAt: at, inForce } satisfies z.infer<typeof VersionView>
}
