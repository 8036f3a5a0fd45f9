/** A folder of assets with one configuration, deleted when disposed. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export function assetsWith(config: unknown): Disposable & { dir: string } {
  const dir = mkdtempSync(join(tmpdir(), "parley-assets-"))
  writeFileSync(join(dir, "serverConfig.json"), JSON.stringify(config))
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}
