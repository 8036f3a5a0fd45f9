/** The folder of the workers' sockets: private, and what killed processes left is deleted. */

import { expect, test } from "bun:test"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createSocketFolder } from "../../../src/cli/supervisor/socket-folder.ts"

function emptyPlace() {
  const path = mkdtempSync(join(tmpdir(), "socket-folder-test-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

/** The id of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = Bun.spawn(["true"])
  await child.exited
  return child.pid
}

test("the folder has mode 700, and its disposal deletes it with the sockets", () => {
  using place = emptyPlace()
  const folder = createSocketFolder([place.path])
  const socket = folder?.socketPath(1) ?? ""
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700)
  for (const path of [socket, `${socket}.local`]) writeFileSync(path, "")
  folder?.remove(socket)
  expect(readdirSync(dirname(socket))).toEqual([])
  folder?.[Symbol.dispose]()
  expect(readdirSync(place.path)).toEqual([])
})

test("folders of processes that have ended are deleted, those of others and other files stay", async () => {
  using place = emptyPlace()
  using other = emptyPlace()
  const ended = await endedPid()
  const make = (name: string) => {
    mkdirSync(join(place.path, name))
    writeFileSync(join(place.path, name, "1.sock"), "")
    return name
  }
  const stale = [make(`parley-${ended}-AbCdEf`), make(`parley-${process.pid}-AbCdEf`)]
  const kept = [
    make(`parley-${process.ppid}-AbCdEf`),
    make("parley-AbCdEf"),
    make(`parley-${ended}-notes`),
    make(`parley-${ended}-AbCdEf.bak`),
  ]
  const link = `parley-${ended}-GhIjKl`
  symlinkSync(other.path, join(place.path, link))
  writeFileSync(join(other.path, "file"), "")
  using folder = createSocketFolder([place.path])
  const own = dirname(folder?.socketPath(1) ?? "").slice(place.path.length + 1)
  expect(readdirSync(place.path).toSorted()).toEqual([...kept, link, own].toSorted())
  expect(stale.some((name) => existsSync(join(place.path, name)))).toBe(false)
  expect(readdirSync(other.path)).toEqual(["file"])
})

test("a place that cannot be written is passed over", () => {
  using place = emptyPlace()
  using folder = createSocketFolder(["/nonexistent", place.path])
  expect(folder?.socketPath(2)).toStartWith(place.path)
  expect(createSocketFolder(["/nonexistent"])).toBeUndefined()
})
