import { expect, test } from "bun:test"
import { documentAddress, documentNamed } from "../../src/assets/document-reference.ts"
import { fetchDocument } from "../../src/assets/fetch-document.ts"
import { FakeDocuments, type DocumentAnswer } from "../fakes/fake-documents.ts"
import { TestClock } from "../lib/test-clock.ts"

async function fetched(answer: DocumentAnswer, maxCharacters = 100) {
  await using server = new FakeDocuments()
  using clock = new TestClock()
  server.google("doc-1234567", answer)
  return await fetchDocument({
    address: documentAddress("googleDoc:doc-1234567", server.url),
    fetch: (url, init) => fetch(url, { ...init, redirect: "manual" }),
    timeoutMs: 1000,
    maxCharacters,
    sweep: clock.sweep,
  })
}

test("a document comes through the redirect of Google, without its mark of byte order and with plain line ends", async () => {
  expect(await fetched({ text: "\uFEFFBe kind.\r\nBe short.\r\n" })).toEqual({
    ok: true,
    text: "Be kind.\nBe short.",
  })
})

test.each<[string, DocumentAnswer, string]>([
  ["a web page by its type", { text: "x", headers: { "content-type": "text/html" } }, "a web page came"],
  ["a web page by its beginning", { text: "\n<!DOCTYPE html><html>" }, "a web page came"],
  ["Google's page for signing in", { redirect: "https://accounts.google.com/v3/signin" }, "a web page came"],
  ["an empty text", { text: " \n" }, "it is empty"],
  ["a text that is too long", { text: "x".repeat(101) }, "more than 100 characters"],
  ["a body that is too long", { text: "x".repeat(4096) }, "more than 100 characters"],
  ["an error", { status: 500 }, "answered 500"],
  ["a missing document", { status: 404 }, "answered 404"],
  ["a redirect to another service of this machine", { redirect: "http://127.0.0.1:1/secret" }, "https://"],
  ["a redirect to nowhere", { redirect: "http://[" }, "no address"],
])("%s is no document", async (_, answer, why) => {
  expect(await fetched(answer)).toEqual({ ok: false, why: expect.stringContaining(why) })
})

test.each(["https://[::ffff:127.0.0.1]/x", "https://127.0.0.9/x", "https://localhost./x"])(
  "a redirect from elsewhere to %s, which is this machine, is not followed",
  async (redirect) => {
    using clock = new TestClock()
    const asked: string[] = []
    const result = await fetchDocument({
      address: "https://docs.example.com/x",
      fetch: async (url) => {
        asked.push(url)
        return new Response(null, { status: 302, headers: { location: redirect } })
      },
      timeoutMs: 1000,
      maxCharacters: 100,
      sweep: clock.sweep,
    })
    expect(result).toEqual({ ok: false, why: expect.stringContaining("this machine") })
    expect(asked).toHaveLength(1)
  },
)

test("redirects end, and so does a document that never comes", async () => {
  await using server = new FakeDocuments()
  using clock = new TestClock()
  const never = Promise.withResolvers<void>()
  server.answers.set("/loop", { redirect: "/loop" })
  server.answers.set("/slow", { hold: never.promise })
  const options = { fetch: (url: string, init: RequestInit) => fetch(url, { ...init, redirect: "manual" }) }
  const limits = { ...options, timeoutMs: 1000, maxCharacters: 100, sweep: clock.sweep }
  expect(await fetchDocument({ ...limits, address: `${server.url}/loop` })).toMatchObject({
    why: "it was redirected too often",
  })
  const slow = fetchDocument({ ...limits, address: `${server.url}/slow` })
  clock.advance(1000)
  expect(await slow).toEqual({ ok: false, why: "it did not arrive within 1000 ms" })
  never.resolve()
})

test.each([
  ['{"googleDoc":"1AbCdEfGhIjK"}', { source: "googleDoc:1AbCdEfGhIjK" }],
  [
    ' {"googleDoc": "https://docs.google.com/document/d/1AbCdEfGhIjK/edit"}\n',
    { source: "googleDoc:1AbCdEfGhIjK" },
  ],
  ['{"url":"https://example.com/a.txt"}', { source: "https://example.com/a.txt" }],
  ['{"url":"http://127.0.0.1:8080/a.txt"}', { source: "http://127.0.0.1:8080/a.txt" }],
  ['{"url":"http://example.com/a.txt"}', { fault: "url must be an address that begins with https://" }],
  ['{"url":"file:///etc/passwd"}', { fault: "url must be an address that begins with https://" }],
  ['{"googleDoc":"../x"}', { fault: "googleDoc must be the id of a Google document" }],
  ['{"url":"https://example.com","note":"x"}', undefined],
  ['{"name":"{placeholder}"}', undefined],
  ["{customer} is calling.", undefined],
  ["# Role", undefined],
])("the context %s names %j", (text, expected) => expect(documentNamed(text)).toEqual(expected as never))
