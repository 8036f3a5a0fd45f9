import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Child } from "./child.ts"

const cwd = mkdtempSync(join(tmpdir(), "parley-replace-"))
afterAll(() => rmSync(cwd, { recursive: true }))

const env = (name: string, port = "0") => ({
  PORT: port,
  MODEL_PROVIDER: "demo",
  DATABASE_URL: `file:${join(cwd, name, "calls.db")}`,
})

test("a second server on the port of a running one says which process that is and how to continue", async () => {
  await using first = new Child([], { cwd, env: env("second") })
  const url = await first.listening()
  const { port } = new URL(url)
  await using second = new Child([], { cwd, env: env("second", port) })
  expect(await second.exited).toBe(1)
  expect(second.stderr).toBe(
    `parley: Port ${port} is served by Parley (pid ${first.pid}). Stop it, reload it with kill -HUP ${first.pid}, or start with --replace.\n`,
  )
  expect((await fetch(`${url}/health`)).status).toBe(200)
}, 30_000)

test("--replace listens first, then the other server stops", async () => {
  await using first = new Child([], { cwd, env: env("replace") })
  const url = await first.listening()
  const { port } = new URL(url)
  await using second = new Child(["serve", "--replace"], { cwd, env: env("replace", port) })
  expect(await second.listening()).toBe(url)
  expect(await first.exited).toBe(0)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  second.kill("SIGTERM")
  expect(await second.exited).toBe(0)
  expect(readdirSync(join(cwd, "replace")).filter((name) => name.endsWith(".lock"))).toEqual([])
}, 30_000)

test("a lock of a process that is gone is ignored; a server of the same database on another port is logged", async () => {
  await using killed = new Child([], { cwd, env: { ...env("gone"), SUPERVISOR: "off" } })
  const { port } = new URL(await killed.listening())
  killed.kill("SIGKILL")
  await killed.exited
  await using first = new Child([], { cwd, env: env("gone", port) })
  await first.listening()
  await using other = new Child([], { cwd, env: env("gone") })
  await other.listening()
  expect(other.stdout).toContain("another server uses this database")
}, 30_000)
