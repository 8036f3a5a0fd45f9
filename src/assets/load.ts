/** Builds one consistent snapshot from the texts of all layers: everything is checked before anything is used. */

import { basename, extname } from "node:path"
import type { Engine } from "../call/engine.ts"
import type { IvrMenu } from "../call/ivr-menu.ts"
import type { Agent } from "./agent.ts"
import { AssetError, type AssetFault } from "./asset-error.ts"
import { contextOf, deepFreeze, idOf, readAsset, storedName, type AssetText } from "./asset-text.ts"
import { isDocumentSource, type DocumentSource } from "./document-reference.ts"
import { EMBEDDED } from "./embedded.ts"
import { kindOf } from "./files.ts"
import { layeredConfig, type ReadText } from "./layered-config.ts"
import type { Menu } from "./menu.ts"
import { menuFaults } from "./menu-references.ts"
import type { ServerConfig } from "./server-config.ts"
import { resolveAgents } from "./resolve.ts"

/** An asset that is in force. */
export type Entry = AssetText & { readonly version: string }

export type Snapshot = {
  readonly agents: ReadonlyMap<string, Agent>
  readonly contexts: ReadonlyMap<string, Agent["context"]>
  readonly manifests: ReadonlyMap<string, Agent["manifest"]>
  readonly menus: ReadonlyMap<string, Menu>
  /** Documents that contexts name. */
  readonly documents: ReadonlySet<DocumentSource>
  /** Keys of agents by number, and of menus as `menu:key`. */
  readonly numbers: ReadonlyMap<string, string>
  /** Phone menus of other parties, by key, with the numbers that have them. */
  readonly ivrMenus: ReadonlyMap<string, { readonly numbers: readonly string[]; readonly menu: IvrMenu }>
  /** The assets in force, by id. */
  readonly entries: ReadonlyMap<string, Entry>
  /** The configuration as JSON, with the sections that come from the layers below. */
  readonly config: Readonly<Record<string, unknown>>
  /** The same without what the API stored. */
  readonly configBelow: Readonly<Record<string, unknown>>
  /** What of the files a stored asset or a stored field hides, one sentence each. */
  readonly hidden: readonly string[]
  readonly warnings: readonly string[]
}

export type Layers = {
  /** Contexts that the environment names, below the files. */
  readonly declared?: readonly AssetText[]
  /** Copies of documents. */
  readonly documents?: ReadonlyMap<DocumentSource, string>
  /** The files of the user; embedded ones are added where a key is missing. */
  readonly files: readonly AssetText[]
  /** The layer above the files. */
  readonly stored: readonly AssetText[]
  /** Versions by id that came from files: where a file has changed since, it is newer than what is stored. */
  readonly syncedVersions: ReadonlyMap<string, string>
  /** Whether an agent whose context or manifest is missing takes the default one, with a warning. */
  readonly lenient: boolean
}

export type LoadOptions = Layers & { knownTools: readonly string[]; engines: readonly Engine[] }

/** Throws `AssetError` with every fault of every asset. */
export function loadSnapshot({
  declared = [],
  documents = new Map(),
  files,
  stored,
  syncedVersions,
  lenient,
  knownTools,
  engines,
}: LoadOptions): Snapshot {
  const faults: AssetFault[] = []
  const warnings: string[] = []
  const faulty: AssetText[] = []
  const read = (texts: readonly AssetText[]) =>
    texts.flatMap((text): ReadText[] => {
      const result = readAsset(text, knownTools)
      if (result.ok) return [{ ...text, meaning: result.meaning }]
      faults.push(...result.faults)
      faulty.push(text)
      return []
    })
  const replaced = new Set(files.filter(({ kind }) => kind !== "config").map(idOf))
  const shipped = [...embedded, ...declared].filter((asset) => !replaced.has(idOf(asset)))
  const chosen = new Map(read(shipped).map((asset) => [idOf(asset), asset]))
  const configs = [...chosen.values()].filter(({ kind }) => kind === "config")
  const hidden: string[] = []
  faults.push(...repeatedKeys(files))
  for (const asset of read(files)) {
    chosen.set(idOf(asset), asset)
    if (asset.kind === "config") configs.push(asset)
  }
  for (const asset of read(stored)) {
    const id = idOf(asset)
    const below = chosen.get(id)
    const { version } = asset.meaning
    const isOld =
      below !== undefined && syncedVersions.get(id) === version && below.meaning.version !== version
    if (isOld) continue
    chosen.set(id, asset)
    if (asset.kind === "config") configs.push(asset)
    const isWhole = asset.meaning.kind !== "config-changes"
    if (isWhole && below?.source === "file" && below.meaning.version !== version)
      hidden.push(`the stored ${storedName(asset.kind, asset.key)} hides ${below.name}`)
  }

  const contexts = new Map<string, Agent["context"]>()
  const manifests = new Map<string, Agent["manifest"]>()
  const menus = new Map<string, Menu>()
  const entries = new Map<string, Entry>()
  const named = new Set<DocumentSource>()
  const useDocument = (key: string, source: DocumentSource) => {
    const copy = documents.get(source)
    named.add(source)
    contexts.set(key, contextOf(key, copy ?? DEFAULT_TEXT))
    if (copy !== undefined) return
    warnings.push(`the context ${key} is a document that was not fetched yet; the default context is used`)
  }
  for (const [id, { meaning, ...asset }] of chosen) {
    if (meaning.kind === "context" && meaning.document === undefined) contexts.set(asset.key, meaning.context)
    if (meaning.kind === "context" && meaning.document !== undefined) useDocument(asset.key, meaning.document)
    if (meaning.kind === "manifest") manifests.set(asset.key, meaning.manifest)
    if (meaning.kind === "menu") menus.set(asset.key, meaning.menu)
    entries.set(id, { ...asset, version: meaning.version })
  }

  // A faulty asset is reported once; agents that refer to it are not reported too.
  for (const { kind, key } of faulty) {
    if (kind === "context") contexts.set(key, { key, version: "", text: "" })
    if (kind === "manifest") manifests.set(key, { key, version: "", tools: [] })
  }

  const layered = layeredConfig(configs)
  const { config, placeOf } = layered
  if (faults.length === 0) faults.push(...layered.faults)
  warnings.push(...layered.warnings)
  hidden.push(...layered.hidden.map((field) => `the stored ${field} hides that of serverConfig.json`))
  for (const source of documentsIn(config)) useDocument(source, source)
  const faultyMenus = faulty.filter(({ kind }) => kind === "menu").map(({ key }) => key)
  const menuKeys = new Set([...menus.keys(), ...faultyMenus])
  const sources = { config, contexts, manifests, menuKeys, engines, lenient }
  const { agents, faults: unresolved } = resolveAgents(sources)
  for (const { path, message, replaced } of unresolved) {
    if (replaced) warnings.push(`${path.join(".")}: ${message}; the default is used`)
    else faults.push({ ...placeOf(path), path: path.join("."), message })
  }
  faults.push(...menuFaults([...chosen.values()], { agents: new Set(agents.keys()), menus: menuKeys }))
  if (faults.length > 0) throw new AssetError(faults)
  for (const agent of agents.values()) deepFreeze(agent)
  return {
    agents,
    contexts,
    manifests,
    menus,
    documents: named,
    numbers: new Map(Object.entries(config.numbers ?? {})),
    ivrMenus: new Map(Object.entries(config.ivrMenus ?? {})),
    entries,
    config: layered.raw,
    configBelow: layered.below,
    hidden,
    warnings,
  }
}

/** Where the files of this machine say that assets are kept; `file` when that cannot be read. */
export function loaderType(files: readonly AssetText[]): "file" | "sync" {
  const file = files.find(({ kind }) => kind === "config")
  const read = file && readAsset(file, [])
  if (!read?.ok || read.meaning.kind !== "config") return "file"
  return read.meaning.config.loader?.type === "sync" ? "sync" : "file"
}

/** The assets of this machine: the files, and the embedded ones that no file replaces, without the menus among these. */
export function localTexts(files: readonly AssetText[]): AssetText[] {
  const shipped = embedded.filter(({ kind }) => kind !== "menu")
  return [...new Map([...shipped, ...files].map((asset) => [idOf(asset), asset])).values()]
}

/** Documents that agents name in place of the key of a context. */
function documentsIn({ agents = {} }: ServerConfig): DocumentSource[] {
  const contexts = Object.values(agents).flatMap(({ context, callers = {} }) => {
    const { unknown, consented, loggedIn } = callers
    return [context, unknown?.context, consented?.context, loggedIn?.context]
  })
  return contexts.filter((key) => key !== undefined).filter(isDocumentSource)
}

/** Of a document that was never fetched. */
const DEFAULT_TEXT = EMBEDDED["defaultContext.md"] ?? ""

const embedded: readonly AssetText[] = Object.entries(EMBEDDED).flatMap(([name, text]) => {
  const kind = kindOf(name)
  return kind ? [{ name, kind, key: basename(name, extname(name)), text, source: "embedded" }] : []
})

function repeatedKeys(files: readonly AssetText[]): AssetFault[] {
  const nameOf = new Map<string, string>()
  return files.flatMap((file) => {
    const other = nameOf.get(idOf(file))
    nameOf.set(idOf(file), file.name)
    return other === undefined ? [] : [{ file: file.name, message: `has the same key as ${other}` }]
  })
}
