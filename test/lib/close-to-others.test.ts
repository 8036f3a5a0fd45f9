import { afterAll, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { closeToOthers } from "../../src/lib/close-to-others.ts"

const root = mkdtempSync(join(tmpdir(), "parley-private-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const modeOf = (path: string) => statSync(path).mode & 0o7777

test("files and folders lose the rights of others and are named; private ones are not", () => {
  const folder = join(root, "data")
  const [open, closed, missing] = ["open", "closed", "missing"].map((name) => join(folder, name))
  mkdirSync(folder)
  for (const [path, mode] of [[open, 0o644] as const, [closed, 0o600] as const]) {
    writeFileSync(String(path), "")
    chmodSync(String(path), mode)
  }
  chmodSync(folder, 0o755)
  expect(closeToOthers([folder, String(open), String(closed), String(missing)])).toEqual([
    folder,
    String(open),
  ])
  expect([folder, open, closed].map((path) => modeOf(String(path)))).toEqual([0o700, 0o600, 0o600])
})

test("folders for other things too stay as they are", () => {
  const shared = join(root, "shared")
  mkdirSync(shared)
  chmodSync(shared, 0o1777)
  const before = modeOf(process.cwd())
  expect(closeToOthers([shared, ".", join(process.cwd(), "..")])).toEqual([])
  expect([modeOf(shared), modeOf(process.cwd())]).toEqual([0o1777, before])
})
