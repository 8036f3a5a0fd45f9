/** The configuration in force: the shipped one, below the file, below what is stored. Pure. */

import type { AssetFault } from "./asset-error.ts"
import { CONFIG_KEY, type AssetMeaning, type AssetText } from "./asset-text.ts"
import { hiddenFields, patchedConfig, rawConfig } from "./config-layers.ts"
import { issuesOf } from "./parse.ts"
import { ServerConfig, unusedKeys } from "./server-config.ts"
import { PARSED_ONCE } from "../lib/parsed-once.ts"

export type ReadText = AssetText & { readonly meaning: AssetMeaning }

type Fields = Readonly<Record<string, unknown>>

export type LayeredConfig = {
  config: ServerConfig
  /** The configuration as JSON. */
  raw: Fields
  /** The same without what the API stored. */
  below: Fields
  /** Fields of the file that a stored value replaces. */
  hidden: string[]
  /** Faults of the stored changes together with what is below them. */
  faults: AssetFault[]
  warnings: string[]
  /** Where a field is set: the file with its line, or the stored configuration. */
  placeOf: (path: readonly string[]) => Pick<AssetFault, "file" | "line">
}

/**
 * Sections of the file replace whole sections of the shipped configuration. What the API stored changes single fields; a
 * configuration of Twilio Sync replaces the file.
 */
export function layeredConfig(layers: readonly ReadText[]): LayeredConfig {
  const last = layers.findLast(({ meaning }) => meaning.kind === "config")
  const whole = layers.filter((layer) => layer.source === "embedded" || layer === last)
  const below = whole.reduce<Fields>((raw, { meaning }) => rawConfig(raw, rawOf(meaning)), {})
  const stored = layers.find(({ meaning }) => meaning.kind === "config-changes")
  const changes = stored?.meaning.kind === "config-changes" ? stored.meaning.changes : undefined
  const raw = changes === undefined ? below : patchedConfig(below, changes)
  const parsed = ServerConfig.safeParse(raw, PARSED_ONCE)
  const file = last?.source === "file" ? rawOf(last.meaning) : {}
  const names = [...whole.filter(({ source }) => source !== "embedded"), ...(stored ? [stored] : [])]
  return {
    config: parsed.data ?? ServerConfig.parse({}),
    raw,
    below,
    hidden: changes === undefined ? [] : hiddenFields(changes, file),
    faults: issuesOf(parsed.error).map(({ path, message }) => ({
      file: CONFIG_KEY,
      path: path.join("."),
      message,
    })),
    warnings: names.flatMap(({ name, meaning }) =>
      unusedKeys(rawOf(meaning)).map((text) => `${name}: ${text}`),
    ),
    placeOf(path) {
      if (changes !== undefined && sets(changes, path)) return { file: CONFIG_KEY, line: undefined }
      const line = last?.meaning.kind === "config" ? last.meaning.lineOf(path) : undefined
      return { file: last?.name ?? CONFIG_KEY, line }
    },
  }
}

function rawOf(meaning: AssetMeaning): Fields {
  if (meaning.kind === "config-changes") return meaning.changes
  return meaning.kind === "config" ? { ...fieldsOf(meaning.raw) } : {}
}

function sets(changes: Fields, path: readonly string[]): boolean {
  const [first, ...rest] = path
  if (first === undefined || !Object.hasOwn(changes, first)) return false
  return rest.length === 0 || sets(fieldsOf(changes[first]), rest)
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}
}
