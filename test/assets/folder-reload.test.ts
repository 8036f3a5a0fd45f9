/** Reloading of a folder: only settled changes, and never files with faults. */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FolderReload, readFolder } from "../../src/assets/folder-reload.ts"
import { NO_REPOSITORY, startingState } from "../../src/assets/starting-state.ts"
import { getLog } from "../../src/lib/log.ts"

async function fixture() {
  const dir = mkdtempSync(join(tmpdir(), "parley-"))
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text)
  write("sales.md", "Sell.")
  const log = getLog("test")
  const { files, fingerprint } = readFolder(dir)
  const state = await startingState({
    files,
    source: "api",
    repository: NO_REPOSITORY,
    knownTools: KNOWN_TOOLS,
    engines: ["relay"],
    log,
  })
  return {
    write,
    folder: new FolderReload({ dir, state, fingerprint, log }),
    sales: () => state.snapshot.contexts.get("sales")?.text,
    [Symbol.dispose]: () => rmSync(dir, { recursive: true }),
  }
}

const KNOWN_TOOLS = [
  "end-call",
  "send-dtmf",
  "switch-language",
  "play-media",
  "live-agent-handoff",
  "send-sms",
  "set-listen-mode",
  "set-silence-detection",
]

test("a change is read at the second check that finds it", async () => {
  using it = await fixture()
  it.write("sales.md", "Sell more.")
  it.folder.check()
  expect(it.sales()).toBe("Sell.")
  it.folder.check()
  expect(it.sales()).toBe("Sell more.")
})

test("a file that changes between two checks is not read yet", async () => {
  using it = await fixture()
  it.write("sales.md", "Sell m")
  it.folder.check()
  it.write("sales.md", "Sell more.")
  it.folder.check()
  expect(it.sales()).toBe("Sell.")
  it.folder.check()
  expect(it.sales()).toBe("Sell more.")
})

test("files with faults replace nothing, and their correction is read", async () => {
  using it = await fixture()
  it.write("sales.md", " ")
  expect(it.folder.reload()).toEqual({
    changed: false,
    faults: [{ file: "sales.md", message: "is empty" }],
  })
  it.folder.check()
  it.folder.check()
  expect(it.sales()).toBe("Sell.")
  it.write("sales.md", "Sell again.")
  expect(it.folder.reload()).toEqual({ changed: true, faults: [] })
  expect(it.sales()).toBe("Sell again.")
})
