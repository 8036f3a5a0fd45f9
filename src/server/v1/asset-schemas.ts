/** What contexts, manifests and the configuration have in common in the API: layers, versions, and missing assets. */

import { z } from "zod"
import type { AssetVersion } from "../../assets/library.ts"
import type { Entry } from "../../assets/load.ts"
import { AppError } from "../../lib/errors.ts"
import { named, withExamples, type Parameter } from "../openapi/operation.ts"

export const source = z
  .enum(["embedded", "file", "api", "sync"])
  .describe("Layer it comes from: shipped with the program, a file, stored by the API, Twilio Sync")
export const version = z.string().describe("Short hash: the same content has the same version")

const VERSION_EXAMPLE = {
  version: "01b5147caf3f",
  source: "api" as const,
  createdAt: "2026-11-20T20:05:56.455Z",
  inForce: true,
}

const VersionView = named(
  "AssetVersion",
  z.object({
    version,
    source: z
      .enum(["embedded", "file", "api", "sync", "seen"])
      .describe("seen: the text of a file that a call used"),
    createdAt: z.iso.datetime().nullable(),
    inForce: z.boolean().describe("Whether the next call uses it"),
  }),
  VERSION_EXAMPLE,
)

export const VersionList = withExamples(z.object({ versions: z.array(VersionView) }), {
  versions: [VERSION_EXAMPLE],
})

export const VERSION_PARAM: Parameter = { description: "`version` of a version", example: "01b5147caf3f" }

export function versionView({ version: hash, source: layer, createdAt, inForce }: AssetVersion) {
  const at = createdAt === null ? null : new Date(createdAt).toISOString()
  return { version: hash, source: layer, createdAt: at, inForce } satisfies z.infer<typeof VersionView>
}

type AssetName = { kind: "context" | "manifest" | "config" | "menu"; key: string }

/** Returns `value`, or throws NOT_FOUND when there is none. */
export function found<T extends Entry | string>(
  value: T | undefined,
  asset: AssetName,
  ofVersion?: string,
): T {
  if (value === undefined) throw assetNotFound(asset, ofVersion)
  return value
}

export function assetNotFound({ kind, key }: AssetName, ofVersion?: string): AppError {
  const what = ofVersion === undefined ? kind : `version of ${kind}`
  return new AppError(
    "NOT_FOUND",
    `There is no such ${what}: ${key}${ofVersion === undefined ? "" : ` ${ofVersion.slice(0, 64)}`}.`,
  )
}
