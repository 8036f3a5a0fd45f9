/** Names that are no keys of assets, at every door: refused with a short and printable reason, and nothing is stored. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readAsset, type AssetText } from "../../src/assets/asset-text.ts"
import { ServerConfig } from "../../src/assets/server-config.ts"
import { upload } from "../../src/cli/upload.ts"
import { readConfig } from "../../src/config/config.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { jsonOf } from "../server/client.ts"

const NAMES: [string, string][] = [
  ["the prototype", "__proto__"],
  ["a member of every object", "constructor"],
  ["another one", "toString"],
  ["the parent folder", ".."],
  ["a path", "../../etc/passwd"],
  ["a control character", "a\u0000b"],
  ["a line end", "a\nb"],
  ["a character that turns the text", "a\u202eb"],
  ["a megabyte", "x".repeat(900_000)],
  ["nothing", ""],
]

/** Whether a reason can be shown: short, and without control characters. */
function isPresentable(reason: string): boolean {
  return reason.length < 400 && !/[\p{Cc}\p{Cf}]/u.test(reason)
}

describe.each(NAMES)("%s", (_, key) => {
  test("is no key", () => {
    const asset: AssetText = { kind: "context", key, text: "X.", source: "api", name: `context ${key}` }
    const read = readAsset(asset, [])
    if (read.ok) throw new Error("was read")
    const { file, message } = read.faults[0] ?? { file: "", message: "" }
    expect([isPresentable(`${file}: ${message}`), message]).toEqual([
      true,
      expect.stringMatching(/^its key (?:must be 1 to 128 letters, digits, _ or -|is a reserved name)$/),
    ])
  })

  test("is refused by the API of version 1 and by that of Simple Conversation Relay", async () => {
    await using app = await AppUnderTest.start()
    const before = await app.json("/v1/contexts")
    const sync = await app.post("/api/sync/context", JSON.parse(`{${JSON.stringify(key)}: "X."}`))
    const { error } = await jsonOf(sync)
    expect([sync.status, isPresentable(error)]).toEqual([400, true])
    const canBeInPath = key.length < 10_000 && key !== "" && key !== ".."
    if (canBeInPath) {
      const path = `/v1/contexts/${encodeURIComponent(key)}`
      const put = await app.api(path, {
        method: "PUT",
        body: "X.",
        headers: { "Content-Type": "text/markdown" },
      })
      const refused = (await jsonOf(put)).error
      expect([put.status, isPresentable(refused.message)]).toEqual([400, true])
    }
    expect(await app.json("/v1/contexts")).toEqual(before)
  })
})

test.each(["__proto__", "constructor"])("a file that is named %s is not uploaded", async (key) => {
  const dir = mkdtempSync(join(tmpdir(), "asset-keys-"))
  try {
    writeFileSync(join(dir, `${key}.md`), "X.")
    const failed: string[] = []
    const code = await upload(() => readConfig({ DATABASE_URL: join(dir, "test.db"), ASSETS_DIR: dir }), {
      files: [join(dir, `${key}.md`)],
      sync: false,
      print: () => {},
      fail: (line) => void failed.push(line),
    })
    expect([code, failed.join()]).toEqual([1, expect.stringContaining("is a reserved name")])
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test.each(["constructor", "__proto__"])("no agent and no menu has the name %s", (key) => {
  for (const section of ["agents", "ivrMenus"]) {
    const parsed = ServerConfig.safeParse(JSON.parse(`{"${section}": {"${key}": {}}}`))
    expect(parsed.success).toBe(false)
  }
})
