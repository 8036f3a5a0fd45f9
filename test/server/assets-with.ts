/** Folders of assets, deleted when disposed. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A folder with one configuration. */
export function assetsWith(config: unknown): Disposable & { dir: string } {
  return assetFolder({ "serverConfig.json": config })
}

/** A folder with these files, by name; what is no text is written as JSON. */
export function assetFolder(files: Record<string, unknown>) {
  const dir = mkdtempSync(join(tmpdir(), "parley-assets-"))
  const write = (name: string, content: unknown) =>
    writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content))
  for (const [name, content] of Object.entries(files)) write(name, content)
  return { dir, write, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}
