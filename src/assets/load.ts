/** From asset files to one consistent state: everything is read and checked before anything is used. */

import type { Engine } from "../call/call.ts"
import type { ToolSpec } from "../call/tool-spec.ts"
import type { Agent } from "./agent.ts"
import { AssetError, type AssetFault } from "./asset-error.ts"
import { EMBEDDED } from "./embedded.ts"
import { kindOf, type AssetFile } from "./files.ts"
import { manifestSchema } from "./manifest.ts"
import { parseJson } from "./parse.ts"
import { resolveAgents } from "./resolve.ts"
import { AssetKey, ServerConfig, unusedKeys } from "./server-config.ts"

export type Snapshot = {
  readonly agents: ReadonlyMap<string, Agent>
  readonly contexts: ReadonlyMap<string, Agent["context"]>
  readonly manifests: ReadonlyMap<string, Agent["manifest"]>
  /** Keys of agents by number. */
  readonly numbers: ReadonlyMap<string, string>
  readonly warnings: readonly string[]
}

export type LoadOptions = {
  /** The files of the user; embedded ones are added where a key is missing. */
  files: readonly AssetFile[]
  knownTools: readonly string[]
  engines: readonly Engine[]
}

/** Throws `AssetError` with every fault of every file. */
export function loadSnapshot({ files, knownTools, engines }: LoadOptions): Snapshot {
  const faults: AssetFault[] = []
  const warnings: string[] = []
  const contexts = new Map<string, Agent["context"]>()
  const manifests = new Map<string, Agent["manifest"]>()
  const schema = manifestSchema(knownTools)

  for (const { name, kind, key, text } of withEmbedded(files, faults)) {
    if (kind === "context") {
      if (text.trim() === "") faults.push({ file: name, message: "is empty" })
      contexts.set(key, deepFreeze({ key, version: versionOf(text), text }))
    } else if (kind === "manifest") {
      const parsed = parseJson<ToolSpec[]>(name, text, schema)
      if (!parsed.ok) faults.push(...parsed.faults)
      const tools = parsed.ok ? parsed.value : []
      manifests.set(key, deepFreeze({ key, version: versionOf(JSON.stringify(tools)), tools }))
    }
  }

  const { config, lineOf } = readServerConfig(files, faults, warnings)
  if (config.loader?.type === "sync")
    warnings.push("AssetLoader.assetLoaderType is sync: the files of this machine are used")
  const { agents, faults: unresolved } = resolveAgents({ config, contexts, manifests, engines })
  for (const { path, message } of unresolved) {
    faults.push({ file: "serverConfig.json", line: lineOf?.(path), path: path.join("."), message })
  }
  if (faults.length > 0) throw new AssetError(faults)
  for (const agent of agents.values()) deepFreeze(agent)
  return { agents, contexts, manifests, numbers: new Map(Object.entries(config.numbers ?? {})), warnings }
}

const embedded: readonly AssetFile[] = Object.entries(EMBEDDED).flatMap(([name, text]) => {
  const kind = kindOf(name)
  return kind ? [{ name, kind, key: name.slice(0, name.lastIndexOf(".")), text }] : []
})

/** The user's files in place of embedded ones of the same kind and key. */
function withEmbedded(files: readonly AssetFile[], faults: AssetFault[]): AssetFile[] {
  const chosen = new Map(embedded.map((file) => [`${file.kind}:${file.key}`, file]))
  const taken = new Map<string, string>()
  for (const file of files) {
    const place = `${file.kind}:${file.key}`
    const other = taken.get(place)
    if (other !== undefined) faults.push({ file: file.name, message: `has the same key as ${other}` })
    if (!AssetKey.safeParse(file.key).success) {
      faults.push({
        file: file.name,
        message: "its name before the ending must be 1 to 64 letters, digits, _ or -",
      })
    }
    taken.set(place, file.name)
    chosen.set(place, file)
  }
  return [...chosen.values()]
}

/** Sections of the user's file in place of whole sections of the embedded one. */
function readServerConfig(files: readonly AssetFile[], faults: AssetFault[], warnings: string[]) {
  let config: ServerConfig | undefined
  let lineOf: ((path: readonly PropertyKey[]) => number) | undefined
  for (const { name, kind, text } of [...embedded, ...files]) {
    if (kind !== "server-config") continue
    const parsed = parseJson(name, text, ServerConfig)
    if (!parsed.ok) {
      faults.push(...parsed.faults)
      continue
    }
    const { value, raw } = parsed
    config = {
      configuration: value.configuration ?? config?.configuration,
      languages: value.configuration || value.languages ? value.languages : config?.languages,
      silence: value.silence ?? config?.silence,
      listenMode: value.listenMode ?? config?.listenMode,
      loader: value.loader ?? config?.loader,
      agents: value.agents ?? config?.agents,
      numbers: value.numbers ?? config?.numbers,
    }
    warnings.push(...unusedKeys(raw).map((key) => `${name}: ${key} is not used`))
    ;({ lineOf } = parsed)
  }
  if (!config) throw new AssetError(faults)
  return { config, lineOf }
}

/** A short hash: the same text, the same version. */
function versionOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 12)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
