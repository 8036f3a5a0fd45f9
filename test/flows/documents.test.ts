/** Contexts that are documents elsewhere: at the start, when they change, and when they cannot be fetched. */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FakeDocuments } from "../fakes/fake-documents.ts"
import { textModelService } from "../call-harness.ts"
import { says } from "../fakes/openai-script.ts"
import { AppUnderTest } from "../server/app-under-test.ts"

const IDS = {
  GOOGLE_DOC_SYSTEM: "system-1234",
  GOOGLE_DOC_CONSENT: "consent-1234",
  GOOGLE_DOC_LIVE_AGENT: "live-12345",
}

function folder() {
  const dir = mkdtempSync(join(tmpdir(), "parley-documents-"))
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}

/** A server with a text model whose requests show the context. */
async function started(env: Record<string, string>) {
  const stack = new AsyncDisposableStack()
  const { fake: openai, env: model } = textModelService({ script: () => says("I see.") })
  stack.use(openai)
  const app = stack.use(await AppUnderTest.start({ ...model, ...env }))
  return { app, openai, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

type Started = Awaited<ReturnType<typeof started>>

/** The instructions with which a conversation of this context runs. */
async function textOf({ app, openai }: Started, contextKey: string): Promise<string> {
  await app.post("/v1/conversations", { message: "Hello", contextKey })
  return String(openai.requests.at(-1)?.body["instructions"])
}

/** Moves the time until a call of the context has this text. */
async function becomes(running: Started, contextKey: string, text: string): Promise<void> {
  for (let step = 0; step < 20; step++) {
    await running.app.clock.pass(1000)
    if ((await textOf(running, contextKey)).includes(text)) return
  }
  throw new Error(`the context ${contextKey} has not become ${text}`)
}

test("three Google documents are contexts, and a change of one is in force without a restart", async () => {
  await using server = new FakeDocuments()
  for (const [name, id] of Object.entries(IDS)) server.google(id, { text: `The text of ${name}.` })
  await using running = await started({
    ...IDS,
    GOOGLE_DOC_BASE_URL: server.url,
    DOCUMENT_REFRESH_MS: "2000",
  })
  expect(server.requests.filter((path) => path.startsWith("/document"))).toEqual(
    Object.values(IDS).map((id) => `/document/d/${id}/export?format=txt`),
  )
  expect(await textOf(running, "systemMessage")).toContain("The text of GOOGLE_DOC_SYSTEM.")
  expect(await textOf(running, "liveAgentMessage")).toContain("The text of GOOGLE_DOC_LIVE_AGENT.")
  server.google(IDS.GOOGLE_DOC_SYSTEM, { text: "Another text." })
  await becomes(running, "systemMessage", "Another text.")
})

test("the start does not fail without the documents: the last good copies are used, or the default context", async () => {
  using data = folder()
  const env = {
    GOOGLE_DOC_SYSTEM: IDS.GOOGLE_DOC_SYSTEM,
    GOOGLE_DOC_CONSENT: IDS.GOOGLE_DOC_CONSENT,
    DATABASE_URL: `file:${join(data.dir, "parley.db")}`,
  }
  {
    await using server = new FakeDocuments()
    server.google(IDS.GOOGLE_DOC_SYSTEM, { text: "A good copy." })
    await using running = await started({ ...env, GOOGLE_DOC_BASE_URL: server.url })
    expect(await textOf(running, "systemMessage")).toContain("A good copy.")
  }
  // Nobody listens there.
  await using running = await started({ ...env, GOOGLE_DOC_BASE_URL: "http://127.0.0.1:9" })
  expect(await textOf(running, "systemMessage")).toContain("A good copy.")
  expect(await textOf(running, "consentMessage")).toContain("# Objective")
})

test("a page in place of a text replaces no good copy", async () => {
  await using server = new FakeDocuments()
  server.google(IDS.GOOGLE_DOC_SYSTEM, { text: "A good copy." })
  const env = {
    GOOGLE_DOC_SYSTEM: IDS.GOOGLE_DOC_SYSTEM,
    GOOGLE_DOC_BASE_URL: server.url,
    DOCUMENT_REFRESH_MS: "1000",
  }
  await using running = await started(env)
  server.google(IDS.GOOGLE_DOC_SYSTEM, { text: "<!doctype html><title>Sign in</title>" })
  const before = server.requests.length
  for (let step = 0; step < 20 && server.requests.length < before + 4; step++)
    await running.app.clock.pass(1000)
  expect(await textOf(running, "systemMessage")).toContain("A good copy.")
})

test("a context of the API and one of a file may be documents; one that names none is refused", async () => {
  using assets = folder()
  await using server = new FakeDocuments()
  server.answers.set("/faq.txt", { text: "The answers." })
  server.answers.set("/sales.txt", { text: "The offers." })
  writeFileSync(join(assets.dir, "faq.md"), JSON.stringify({ url: `${server.url}/faq.txt` }))
  await using running = await started({ ASSETS_DIR: assets.dir })
  expect(await textOf(running, "faq")).toContain("The answers.")
  const put = (text: string) =>
    running.app.api("/v1/contexts/sales", {
      method: "PUT",
      headers: { "Content-Type": "text/markdown" },
      body: text,
    })
  expect((await put('{"url":"http://example.com/x"}')).status).toBe(400)
  expect((await put(JSON.stringify({ url: `${server.url}/sales.txt` }))).status).toBeLessThan(300)
  await becomes(running, "sales", "The offers.")
})

test("an agent may name a document in place of the key of a context", async () => {
  using assets = folder()
  await using server = new FakeDocuments()
  server.answers.set("/role.txt", { text: "The role from elsewhere." })
  const context = { url: `${server.url}/role.txt` }
  writeFileSync(join(assets.dir, "serverConfig.json"), JSON.stringify({ agents: { default: { context } } }))
  await using running = await started({ ASSETS_DIR: assets.dir })
  await running.app.post("/v1/conversations", { message: "Hello" })
  expect(String(running.openai.requests.at(-1)?.body["instructions"])).toStartWith("The role from elsewhere.")
})
