import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AUTH_TOKEN, prompt, PUBLIC_URL, setupFrame, voiceForm, Client } from "../server/client.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { Child } from "./child.ts"

const cwd = mkdtempSync(join(tmpdir(), "parley-serve-"))
afterAll(() => rmSync(cwd, { recursive: true }))

const ENV = {
  PORT: "0",
  PUBLIC_URL,
  TWILIO_AUTH_TOKEN: AUTH_TOKEN,
  MODEL_PROVIDER: "demo",
  DATABASE_URL: ":memory:",
  LOCAL_API: "open",
}

/** A socket in the middle of a conversation. */
async function talk(client: Client) {
  const call = await client.incoming()
  const socket = client.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("What are your opening hours?"))
  await socket.frames.next(({ last }) => last === true)
  return { ...call, socket }
}

/** A port that is in use. */
function occupied() {
  const server = Bun.serve({ port: 0, fetch: () => new Response("mine") })
  return { port: server.port ?? 0, [Symbol.asyncDispose]: () => server.stop(true) }
}

test("a server that runs without calls stops at once, with code 0", async () => {
  await using child = new Child([], { cwd, env: ENV })
  const url = await child.listening()
  expect((await fetch(`${url}/health`)).status).toBe(200)
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
  expect(child.stderr).toBe("")
})

test("what is not real is reported at the start, with what to set", async () => {
  await using child = new Child(["serve"], { cwd, env: { PORT: "0", DATABASE_URL: ":memory:" } })
  await child.listening()
  child.kill("SIGINT")
  expect(await child.exited).toBe(0)
  for (const name of ["OPENAI_API_KEY", "PUBLIC_URL", "TWILIO_AUTH_TOKEN", "API_KEYS"]) {
    expect(child.stdout).toContain(name)
  }
})

test("SIGTERM in mid-call: webhooks are answered, new calls are asked to wait, sockets get 1001, the code is 0", async () => {
  await using child = new Child([], { cwd, env: { ...ENV, DRAIN_TIMEOUT_MS: "1000" } })
  const client = new Client(await child.listening(), PUBLIC_URL)
  const { callSid, socket } = await talk(client)
  const other = await talk(client)
  child.kill("SIGTERM")
  await child.logged("stopping")
  const health = await client.api("/health")
  expect({ status: health.status, body: await health.json() }).toMatchObject({
    status: 503,
    body: { status: "draining", liveCalls: 2 },
  })
  const waiting = await client.twiml("/twilio/voice", voiceForm())
  expect(waiting.map(({ name }) => name)).toEqual(["Pause", "Redirect"])
  const completed = voiceForm({ CallSid: other.callSid, CallStatus: "completed" })
  expect((await client.webhook("/twilio/status", completed)).status).toBe(204)
  socket.send(prompt("Are you still there?"))
  await socket.frames.next(({ last }) => last === true)
  expect((await client.json(`/v1/calls/${callSid}/transcript`)).turns).toHaveLength(5)
  expect({ socket: (await socket.closed).code, otherSocket: (await other.socket.closed).code }).toEqual({
    socket: 1001,
    otherSocket: 1001,
  })
  expect(await child.exited).toBe(0)
  expect(child.stdout).toContain('"message":"stopped"')
})

test("the last call that ends lets a draining server stop before its time", async () => {
  await using child = new Child([], { cwd, env: { ...ENV, DRAIN_TIMEOUT_MS: "600000" } })
  const client = new Client(await child.listening(), PUBLIC_URL)
  const { socket } = await talk(client)
  child.kill("SIGTERM")
  await child.logged("stopping")
  socket.close()
  expect(await child.exited).toBe(0)
})

test("a second signal does not wait for calls", async () => {
  await using child = new Child([], { cwd, env: { ...ENV, DRAIN_TIMEOUT_MS: "600000" } })
  const client = new Client(await child.listening(), PUBLIC_URL)
  const { socket } = await talk(client)
  child.kill("SIGTERM")
  await child.logged("stopping")
  child.kill("SIGTERM")
  expect((await socket.closed).code).toBe(1001)
  expect(await child.exited).toBe(0)
})

test("a port in use is reported with what to do, and the code is 1", async () => {
  await using other = occupied()
  await using child = new Child([], { cwd, env: { ...ENV, PORT: String(other.port) } })
  expect(await child.exited).toBe(1)
  expect(child.stderr).toBe(
    `parley: Port ${other.port} is in use. Stop the program that uses it, set PORT to another one, or set PORT_RETRY=1 to try the next ones.\n`,
  )
})

test("with PORT_RETRY=1 the next free port is used", async () => {
  await using other = occupied()
  await using child = new Child([], { cwd, env: { ...ENV, PORT: String(other.port), PORT_RETRY: "1" } })
  const url = await child.listening()
  expect(child.stdout).toContain(`Port ${other.port} is in use, trying ${other.port + 1}`)
  expect(Number(new URL(url).port)).toBeGreaterThan(other.port)
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test("--port goes before PORT", async () => {
  await using child = new Child(["serve", "--port", "0"], { cwd, env: { ...ENV, PORT: "1" } })
  expect(await child.listening()).toStartWith("http://127.0.0.1:")
})

test("every fault of the configuration is reported at once, without secrets, and the code is 1", async () => {
  const env = {
    PORT: "seventy",
    PUBLIC_URL: "ftp://x",
    TWILIO_ACCOUNT_SID: "unknown",
    API_KEYS: "topsecret:,b",
    COMPAT: "s9",
  }
  await using child = new Child([], { cwd, env })
  expect(await child.exited).toBe(1)
  for (const name of Object.keys(env)) expect(child.stderr).toContain(`  ${name}: `)
  expect(child.stderr).not.toContain("topsecret")
  expect(child.stdout).toBe("")
})

test.each([
  ["a database that cannot be", { DATABASE_URL: "file:/dev/null/x.db" }, "/dev/null/x.db"],
  ["assets that are none", { ASSETS_DIR: "ASSETS" }, "serverConfig.json"],
])("%s keeps the server from starting, with its place", async (_, env, reported) => {
  const dir = join(cwd, "broken")
  await Bun.write(join(dir, "serverConfig.json"), "{")
  await using child = new Child([], {
    cwd,
    env: { ...ENV, ...env, ...("ASSETS_DIR" in env ? { ASSETS_DIR: dir } : {}) },
  })
  expect(await child.exited).toBe(1)
  expect(child.stderr).toContain(reported)
})

test("a model that refuses the key is one warning with cause and fix", async () => {
  await using openai = new FakeOpenAi({
    script: () => ({ http: { status: 401, code: "invalid_api_key", message: "Incorrect key sk-12" } }),
  })
  const { MODEL_PROVIDER: _, ...rest } = ENV
  const env = { ...rest, OPENAI_API_KEY: "sk-wrong-key", OPENAI_BASE_URL: openai.baseUrl }
  await using child = new Child([], { cwd, env })
  const client = new Client(await child.listening(), PUBLIC_URL)
  const call = await client.incoming()
  const socket = client.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("Hello?"))
  expect(await child.logged("model failed")).toMatchObject({
    level: "warn",
    cause: "OpenAI refused the key (401)",
    fix: "Check OPENAI_API_KEY.",
  })
  expect(child.stdout).not.toContain("Incorrect key")
})
