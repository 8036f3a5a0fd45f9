import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { localSocketPath } from "../../../src/cli/supervisor/messages.ts"
import { AUTH_TOKEN, PUBLIC_URL, Client } from "../../server/client.ts"
import { Child } from "../child.ts"

const cwd = mkdtempSync(join(tmpdir(), "parley-supervisor-"))
afterAll(() => rmSync(cwd, { recursive: true }))

const ROOT = join(import.meta.dir, "../../..")

const ENV = {
  PORT: "0",
  PUBLIC_URL,
  TWILIO_AUTH_TOKEN: AUTH_TOKEN,
  MODEL_PROVIDER: "demo",
  DATABASE_URL: `file:${join(cwd, "calls.db")}`,
  DRAIN_TIMEOUT_MS: "1000",
  LOCAL_API: "open",
}

/** Resolves when the process that accepted the connection has closed it; its listeners are closed by then. */
async function lostConnection(url: string): Promise<{ lost: Promise<void> }> {
  const { port } = new URL(url)
  const lost = Promise.withResolvers<void>()
  await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      // The kernel hands a connection to the process with its first byte.
      open: (socket) => void socket.write("GET /health HTTP/1.1\r\n"),
      data() {},
      close: () => lost.resolve(),
    },
  })
  return { lost: lost.promise }
}

test("kill -9 of the worker: connections wait for the next one, which has the same port and says what happened", async () => {
  await using child = new Child([], { cwd, env: ENV })
  const url = await child.listening()
  // An answered request shows that the worker has accepted the connection before.
  expect((await fetch(`${url}/health`)).status).toBe(200)
  const connection = await lostConnection(url)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  process.kill(child.worker, "SIGKILL")
  await connection.lost
  // The kernel resets a connection of the very moment in which the process ends; Twilio tries such a one again.
  const ask = () => fetch(`${url}/health`, { keepalive: false })
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask().catch(ask)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  expect(child.stdout).toContain("the previous worker process ended unexpectedly and was replaced")
  expect(await child.listening()).toBe(url)
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
})

test("a worker that hangs is ended, and requests wait for the next one; one that drains may take longer", async () => {
  const stalling = (stallMs: number) =>
    new Child([], { cwd, env: { ...ENV, DATABASE_URL: ":memory:", WORKER_STALL_MS: String(stallMs) } })
  await using draining = stalling(1_000)
  await using child = stalling(2_000)
  const [url] = await Promise.all([child.listening(), draining.listening()])
  const [before, drains] = [child.worker, draining.worker]
  const replaced = child.logged("the previous worker process ended unexpectedly and was replaced")
  process.kill(drains, "SIGSTOP")
  draining.kill("SIGTERM")
  process.kill(before, "SIGSTOP")
  const answer = fetch(`${url}/health`, { keepalive: false }).catch(() => fetch(`${url}/health`))
  await child.complained("The worker did nothing for 2000 ms and is ended.")
  process.kill(drains, "SIGCONT")
  expect(await draining.exited).toBe(0)
  expect((await answer).status).toBe(200)
  await replaced
  expect(child.worker).not.toBe(before)
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
})

test("SIGHUP starts a successor before the worker stops, without a refused connection", async () => {
  await using child = new Child([], { cwd, env: ENV })
  const url = await child.listening()
  const before = child.worker
  child.kill("SIGHUP")
  const during: number[] = []
  const next = child.listening()
  const stopped = child.logged("stopped")
  for (let isOver = false; !isOver;) {
    during.push((await fetch(`${url}/health`, { keepalive: false })).status)
    isOver = await Promise.race([stopped.then(() => true), Bun.sleep(0).then(() => false)])
  }
  expect(new Set(during)).toEqual(new Set([200]))
  expect(await next).toBe(url)
  expect(child.workers.at(-1)).not.toBe(before)
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
})

test("a reload reads .env again; settings that cannot be used leave the running worker in place", async () => {
  const dir = mkdtempSync(join(cwd, "reload-"))
  await Bun.write(join(dir, ".env"), "LOG_LEVEL=info\n")
  await using child = new Child([], { cwd: dir, env: { ...ENV, DATABASE_URL: ":memory:" } })
  const url = await child.listening()
  const before = child.worker
  await Bun.write(join(dir, ".env"), "LOG_LEVEL=loud\n")
  child.kill("SIGHUP")
  await child.complained("The new worker did not start. The running one continues to serve.")
  expect(child.stderr).toContain("LOG_LEVEL")
  expect(child.worker).toBe(before)
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test("npm start leaves no shell between itself and the server", async () => {
  const { scripts } = await Bun.file(join(ROOT, "package.json")).json()
  await using shell = Bun.spawn(["sh", "-c", scripts.start], {
    cwd: ROOT,
    env: {
      ...ENV,
      PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"]}`,
      DATABASE_URL: ":memory:",
    },
    stdin: "ignore",
    stdout: "pipe",
  })
  const decoder = new TextDecoder()
  let output = ""
  for await (const chunk of shell.stdout) {
    const before = output
    output += decoder.decode(chunk, { stream: true })
    const isRunning = (text: string) => text.includes("Server is running")
    if (isRunning(output) && !isRunning(before)) shell.kill("SIGTERM")
  }
  expect([await shell.exited, output.includes("stopped")]).toEqual([0, true])
})

test("a worker whose supervisor is gone drains and ends", async () => {
  await using child = new Child([], { cwd, env: ENV })
  await child.listening()
  child.kill("SIGKILL")
  const { exited } = child
  await child.logged("stopped")
  expect(await exited).toBeNull()
})

test("only the worker has the settings of a worker, and requests through the supervisor are not local ones", async () => {
  await using child = new Child([], { cwd, env: { ...ENV, DATABASE_URL: ":memory:" } })
  const url = await child.listening()
  const client = new Client(url, PUBLIC_URL)
  expect((await client.api("/v1/calls")).status).toBe(200)
  const path = child.socketPath
  const through = await fetch("http://localhost/v1/calls", { unix: path })
  expect(through.status).toBe(401)
  // A connection of this machine that waited for the worker is served as before.
  const local = await fetch("http://localhost/v1/calls", { unix: localSocketPath(path) })
  expect(local.status).toBe(200)
})
