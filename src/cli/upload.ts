/** `parley upload`: stores contexts, manifests and menus for the server: in its database, or in Twilio Sync. */

import { existsSync, readFileSync } from "node:fs"
import { basename, extname, resolve } from "node:path"
import { twilioSyncOf } from "../providers.ts"
import { describeFault } from "../assets/asset-error.ts"
import { readAsset, type AssetMeaning, type AssetText } from "../assets/asset-text.ts"
import { listFolder, readFiles } from "../assets/files.ts"
import { readJson } from "../assets/json.ts"
import { loaderType } from "../assets/load.ts"
import { dataOf, fitsSync, MAX_ENTRY_BYTES } from "../assets/sync-entry.ts"
import type { Config } from "../config/config.ts"
import { systemClock } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import { openStore } from "../store/open-store.ts"
import { builtinTools } from "../tools/registry.ts"
import type { TwilioSync } from "../twilio/sync.ts"

export type UploadOptions = {
  files: readonly string[]
  /** To Twilio Sync, even if the server keeps its assets in its database. */
  sync: boolean
  print: (line: string) => void
  /** Receives error lines. */
  fail: (line: string) => void
}

const USAGE = `Usage: parley upload <file>…

  .md files become contexts, .json files tool manifests, or menus if they have steps; the key is the name of the file without its ending.

  --sync   to Twilio Sync, whatever AssetLoader.assetLoaderType in serverConfig.json says

Examples:
  parley upload ./assets/customerServiceContext.md
  parley upload myContext.md myTools.json
  parley upload --sync /path/to/specialContext.md`

/** Resolves to the exit code. `configured` is called once there is something to upload. */
export async function upload(configured: () => Config, options: UploadOptions): Promise<number> {
  const { print, fail } = options
  const paths = options.files.map((file) => resolve(file))
  const fault = faultOf(paths)
  if (fault !== undefined) {
    fail(fault)
    return 1
  }
  const config = configured()
  const sync = options.sync || keepsInSync(config) ? twilioSyncOf(config) : "database"
  if (!sync) {
    fail("Error: Missing Twilio credentials")
    fail(
      "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN in the environment or in the file .env of this folder.",
    )
    return 1
  }
  const put = sync === "database" ? intoDatabase(config) : intoSync(sync)
  for (const path of paths) {
    const name = basename(path)
    try {
      const asset = read(path)
      const document = asset.kind === "manifest" ? readJson(asset.text) : undefined
      if (document && !("lineOf" in document)) {
        fail(`Error: Invalid JSON in ${name}`)
        fail(`line ${document.line}: ${document.message}`)
        return 1
      }
      const meaning = meaningOf(asset)
      await put(asset, meaning)
      print(`Uploaded ${name} to ${sync === "database" ? config.databaseUrl : "Twilio Sync"}`)
      print(`  Key: ${asset.key}`)
      print(sizeOf(asset, meaning))
    } catch (error) {
      fail(`Upload failed: ${messageOf(error)}`)
      return 1
    }
  }
  print("Upload completed successfully!")
  return 0
}

function faultOf(paths: readonly string[]): string | undefined {
  if (paths.length === 0) return USAGE
  if (paths.some((path) => kindOf(path) === undefined)) return "Error: Only .md and .json files are supported"
  const missing = paths.find((path) => !existsSync(path))
  return missing === undefined ? undefined : `Error: File not found: ${missing}`
}

function kindOf(path: string): "context" | "manifest" | undefined {
  const kinds: Record<string, "context" | "manifest"> = { ".md": "context", ".json": "manifest" }
  return kinds[extname(path)]
}

/** Whether the server of this folder keeps its assets in Sync; false if its files cannot be read. */
function keepsInSync({ assetsDir }: Config): boolean {
  try {
    return loaderType(readFiles(assetsDir, listFolder(assetsDir))) === "sync"
  } catch {
    return false
  }
}

function read(path: string): AssetText {
  const name = basename(path)
  const key = name.slice(0, name.length - extname(name).length)
  const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path))
  const kind = kindOf(path) ?? "context"
  return { name, kind: kind === "manifest" && isMenu(text) ? "menu" : kind, key, text, source: "file" }
}

/** JSON with steps is a menu, wherever the file is. */
function isMenu(text: string): boolean {
  const document = readJson(text)
  const value = "lineOf" in document ? document.value : undefined
  return typeof value === "object" && value !== null && "steps" in value
}

function meaningOf(asset: AssetText): AssetMeaning {
  const result = readAsset(asset, [...builtinTools().keys()])
  if (result.ok) return result.meaning
  throw new Error(result.faults.map(describeFault).join("; "))
}

function sizeOf({ text }: AssetText, meaning: AssetMeaning): string {
  if (meaning.kind === "menu") return `  Steps: ${Object.keys(meaning.menu.steps).length}`
  return meaning.kind === "manifest"
    ? `  Tools: ${meaning.manifest.tools.length}`
    : `  Content length: ${text.length} characters`
}

function intoDatabase({ databaseUrl }: Config) {
  return async function put({ kind, key, text }: AssetText, { version }: AssetMeaning): Promise<void> {
    await using store = await openStore({ url: databaseUrl })
    await store.assets.put({ kind, key, version, text, source: "api", at: systemClock.now() })
  }
}

function intoSync(sync: TwilioSync) {
  return async function put({ kind, key, text, name }: AssetText): Promise<void> {
    const data = dataOf({ kind, text })
    if (!fitsSync(data))
      throw new Error(
        `${name} is too large: Twilio Sync keeps at most ${MAX_ENTRY_BYTES} bytes of JSON in one entry`,
      )
    await sync.write({ kind, key, data })
  }
}
