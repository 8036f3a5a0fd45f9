/** What the server writes is readable by its owner alone. */

import { expect, test } from "bun:test"
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Child } from "./child.ts"

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

function modes(cwd: string) {
  const data = join(cwd, "data")
  const files = readdirSync(data).filter((name) => name.startsWith("parley.db"))
  return { folder: modeOf(data), files: [...new Set(files.map((name) => modeOf(join(data, name))))] }
}

test("database and data folder are private, and existing ones are made so with a warning", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "parley-private-"))
  try {
    const env = { PORT: "0", MODEL_PROVIDER: "demo", SUPERVISOR: "off" }
    {
      await using child = new Child([], { cwd, env })
      expect(await child.logged("Each ended call is written")).toMatchObject({ folder: "./logs" })
      expect(modes(cwd)).toEqual({ folder: "700", files: ["600"] })
    }
    chmodSync(join(cwd, "data"), 0o755)
    chmodSync(join(cwd, "data/parley.db"), 0o644)
    await using child = new Child([], { cwd, env })
    await child.listening()
    expect(modes(cwd)).toEqual({ folder: "700", files: ["600"] })
    expect(child.stdout).toContain("others could read a file of the database")
  } finally {
    rmSync(cwd, { recursive: true })
  }
})
