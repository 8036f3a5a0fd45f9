/** One asset: its text, where it comes from, and what it means. Pure. */

import { z } from "zod"
import type { ToolSpec } from "../call/tool-spec.ts"
import type { Agent } from "./agent.ts"
import type { AssetFault } from "./asset-error.ts"
import { documentNamed, type DocumentSource } from "./document-reference.ts"
import { manifestSchema } from "./manifest.ts"
import type { Menu } from "./menu.ts"
import { MenuFile, menuOf } from "./menu-schema.ts"
import { parseJson } from "./parse.ts"
import { AssetKey, ServerConfig } from "./server-config.ts"

export const ASSET_KINDS = ["context", "manifest", "config", "menu"] as const
export type AssetKind = (typeof ASSET_KINDS)[number]

/** Names one asset. */
export type AssetId = { readonly kind: AssetKind; readonly key: string }

/** The layers, lowest first. `api`: stored through the API. `sync`: kept in Twilio Sync. */
export type AssetSource = "embedded" | "file" | "api" | "sync"

export type AssetText = AssetId & {
  /** The name in faults. */
  readonly name: string
  readonly text: string
  readonly source: AssetSource
}

/** What an asset means. `version` is a short hash of the meaning: the same meaning, the same version. */
export type AssetMeaning =
  /** `document`: the text is a document elsewhere. */
  | { kind: "context"; version: string; context: Agent["context"]; document?: DocumentSource }
  | { kind: "manifest"; version: string; manifest: Agent["manifest"]; raw: unknown }
  | {
      kind: "menu"
      version: string
      menu: Menu
      raw: unknown
      lineOf: (path: readonly PropertyKey[]) => number
    }
  | {
      kind: "config"
      version: string
      config: ServerConfig
      raw: unknown
      lineOf: (path: readonly PropertyKey[]) => number
    }
  /** What the API stores of the configuration: a merge patch over the files, checked once it is merged. */
  | { kind: "config-changes"; version: string; changes: Readonly<Record<string, unknown>> }

export type ReadAsset = { ok: true; meaning: AssetMeaning } | { ok: false; faults: AssetFault[] }

/** The one key of the configuration. */
export const CONFIG_KEY = "serverConfig"

/** A context is sent to the model with every request; a longer one would delay every answer. */
export const MAX_CONTEXT_CHARACTERS = 100_000

/** More of a name that is no key is not shown. */
const SHOWN_NAME = 80

/** Parses one asset. Whether the keys it refers to exist is checked later. */
export function readAsset(
  { name, kind, key, text, source }: AssetText,
  knownTools: readonly string[],
): ReadAsset {
  const parsedKey = AssetKey.safeParse(key)
  if (!parsedKey.success) {
    const what = source === "file" ? "its name before the ending" : "its key"
    const rule = parsedKey.error.issues[0]?.message ?? ""
    return { ok: false, faults: [{ file: printable(name), message: `${what} ${rule}` }] }
  }
  switch (kind) {
    case "context":
      return readContext(name, key, text)
    case "manifest": {
      const parsed = parseJson<ToolSpec[]>(name, text, manifestSchema(knownTools))
      if (!parsed.ok) return parsed
      const { value: tools, raw } = parsed
      const version = versionOf(canonicalJson(tools))
      return { ok: true, meaning: { kind, version, manifest: deepFreeze({ key, version, tools }), raw } }
    }
    case "menu": {
      const parsed = parseJson(name, text, MenuFile)
      if (!parsed.ok) return parsed
      const { value, raw, lineOf } = parsed
      const version = versionOf(canonicalJson(raw))
      const menu: Menu = deepFreeze({ key, version, ...menuOf(value) })
      return { ok: true, meaning: { kind, version, menu, raw, lineOf } }
    }
    case "config": {
      if (source === "api") return readChanges(name, text)
      const parsed = parseJson(name, text, ServerConfig)
      if (!parsed.ok) return parsed
      const { value: config, raw, lineOf } = parsed
      return { ok: true, meaning: { kind, version: versionOf(canonicalJson(raw)), config, raw, lineOf } }
    }
    default:
      return kind satisfies never
  }
}

function printable(name: string): string {
  const shown = name.slice(0, SHOWN_NAME).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?")
  return name.length > SHOWN_NAME ? `${shown}…` : shown
}

/** The name of a stored asset in faults. */
export function storedName(kind: AssetKind, key: string): string {
  return kind === "config" ? CONFIG_KEY : `${kind} ${key}`
}

/** The id as one text, as in `context/sales`. */
export function idOf({ kind, key }: AssetId): string {
  return `${kind}/${key}`
}

/** JSON with the keys of every object in one order, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}

function readContext(file: string, key: string, text: string): ReadAsset {
  if (text.trim() === "") return { ok: false, faults: [{ file, message: "is empty" }] }
  if (text.length > MAX_CONTEXT_CHARACTERS) {
    const message = `has ${text.length} characters; a context may have ${MAX_CONTEXT_CHARACTERS} at most`
    return { ok: false, faults: [{ file, message }] }
  }
  const named = documentNamed(text)
  if (named && "fault" in named) return { ok: false, faults: [{ file, message: named.fault }] }
  const context = contextOf(key, text)
  const document = named ? { document: named.source } : {}
  return { ok: true, meaning: { kind: "context", version: context.version, context, ...document } }
}

/** A context of this text. */
export function contextOf(key: string, text: string): Agent["context"] {
  return deepFreeze({ key, version: versionOf(text), text })
}

const Changes = z.record(z.string(), z.unknown())

function readChanges(file: string, text: string): ReadAsset {
  const parsed = parseJson(file, text, Changes)
  if (!parsed.ok) return parsed
  const { value: changes } = parsed
  return {
    ok: true,
    meaning: { kind: "config-changes", version: versionOf(canonicalJson(changes)), changes },
  }
}

function versionOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 12)
}
