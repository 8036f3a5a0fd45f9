/** Finds and reads asset files: the kind of each file, and whether any changed. Does not parse content. */

import { readdirSync, readFileSync, statSync } from "node:fs"
import { basename, extname, join } from "node:path"
import { messageOf } from "../lib/errors.ts"
import type { AssetKind, AssetText } from "./asset-text.ts"
import { AssetError } from "./asset-error.ts"
import { PRICES_FILE } from "./prices.ts"

/** The files of a folder at one moment, without their content. */
export type Listing = { readonly files: readonly Omit<AssetText, "text">[]; readonly fingerprint: string }

/** Where menus are, below the folder of the assets. */
const MENU_FOLDER = "menus"
const MAX_FILES = 500
const MAX_BYTES = 1_048_576

/** The asset files of a folder, by name. A folder that does not exist is empty. Throws `AssetError`. */
export function listFolder(folder: string): Listing {
  const files: Omit<AssetText, "text">[] = []
  const stamps: string[] = []
  const menus = namesIn(join(folder, MENU_FOLDER)).map((name) => `${MENU_FOLDER}/${name}`)
  for (const name of [...namesIn(folder), ...menus]) {
    const kind = kindOf(name)
    if (!kind) continue
    const found = statSync(join(folder, name), { throwIfNoEntry: false })
    if (!found?.isFile()) continue
    if (found.size > MAX_BYTES)
      throw new AssetError([{ file: name, message: `is larger than ${MAX_BYTES} bytes` }])
    files.push({ name, kind, key: basename(name, extname(name)), source: "file" })
    stamps.push(`${name}\0${found.ino}\0${found.size}\0${found.mtimeMs}`)
  }
  if (files.length > MAX_FILES)
    throw new AssetError([{ file: folder, message: `holds more than ${MAX_FILES} assets` }])
  return { files, fingerprint: stamps.join("\n") }
}

/** The content of the files. Throws `AssetError` with every file that cannot be read. */
export function readFiles(folder: string, { files }: Listing): AssetText[] {
  const faults: { file: string; message: string }[] = []
  const read: AssetText[] = []
  for (const file of files) {
    try {
      const bytes = readFileSync(join(folder, file.name))
      read.push({ ...file, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) })
    } catch (error) {
      const message = error instanceof TypeError ? "is not UTF-8 text" : `cannot be read: ${messageOf(error)}`
      faults.push({ file: file.name, message })
    }
  }
  if (faults.length > 0) throw new AssetError(faults)
  return read
}

/**
 * The kind of a file by its name: `serverConfig.json`; JSON in the folder `menus`; JSON with "manifest" or "tool" in the name; Markdown, or anything
 * with "context" in the name. Hidden files and backup copies of editors are ignored.
 */
export function kindOf(name: string): AssetKind | undefined {
  if (isHidden(basename(name))) return undefined
  if (name.startsWith(`${MENU_FOLDER}/`)) return name.endsWith(".json") ? "menu" : undefined
  if (name === "serverConfig.json") return "config"
  if (/(?:manifest|tool).*\.json$/i.test(name)) return "manifest"
  return /\.md$|context/i.test(name) ? "context" : undefined
}

/**
 * What a folder holds that is not read: files that are no assets, and folders with such files. Hidden files and backup
 * copies of editors are left out.
 */
export function ignoredIn(folder: string): string[] {
  const menus = namesIn(join(folder, MENU_FOLDER)).map((name) => `${MENU_FOLDER}/${name}`)
  return [...namesIn(folder).filter((name) => name !== MENU_FOLDER), ...menus].flatMap((name) => {
    if (kindOf(name) !== undefined || name === PRICES_FILE || isHidden(basename(name))) return []
    const found = statSync(join(folder, name), { throwIfNoEntry: false })
    if (found?.isDirectory()) {
      return namesIn(join(folder, name)).some((inner) => /\.(?:md|json)$/i.test(inner)) ? [`${name}/`] : []
    }
    return [name]
  })
}

function isHidden(name: string): boolean {
  return name.startsWith(".") || /(?:~|\.(?:swp|swo|tmp|bak|orig))$/i.test(name)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (error) {
    if (error instanceof Error && "code" in error && /^(?:ENOENT|ENOTDIR)$/.test(String(error.code)))
      return []
    throw new AssetError([{ file: folder, message: `the folder cannot be read: ${messageOf(error)}` }])
  }
}
