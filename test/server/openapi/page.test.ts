import { createHash } from "node:crypto"
import { expect, test } from "bun:test"
import { openApiDocument } from "../../../src/server/openapi/document.ts"
import { apiPage, PAGE_POLICY } from "../../../src/server/openapi/page.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { allRoutes } from "../described-routes.ts"

const document = openApiDocument(allRoutes(), "https://parley.test/phone")
const page = String(await apiPage(document))

test("the page is served without a key and runs nothing but its own style and script", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: "a-secret-key" })
  const answer = await app.api("/docs")
  expect({
    status: answer.status,
    type: answer.headers.get("content-type"),
    policy: answer.headers.get("content-security-policy"),
  }).toEqual({ status: 200, type: "text/html; charset=UTF-8", policy: PAGE_POLICY })
  const text = await answer.text()
  const hashes = [/<style>([\s\S]*?)<\/style>/, /<script>([\s\S]*?)<\/script>/].map((pattern) => {
    const content = pattern.exec(text)?.[1] ?? ""
    return `'sha256-${createHash("sha256").update(content).digest("base64")}'`
  })
  expect(PAGE_POLICY).toBe(
    `default-src 'none'; style-src ${hashes[0]}; script-src ${hashes[1]}; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
})

test("the page loads nothing, and every link leads to a part of it or to the document", () => {
  expect(page).not.toMatch(/\b(?:src|srcset|action|style)=|<link|@import|url\(/)
  const ids = new Set([...page.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => `#${id}`))
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, target = ""]) => target)
  expect(links.filter((target) => !ids.has(target))).toEqual(["openapi.json"])
})

test("the page shows every operation with a command, and every schema", () => {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  const missing = [
    ...operations.map(({ operationId }) => `<details id="${operationId}"`),
    ...Object.keys(document.components.schemas).map((name) => `<details id="schema-${name}"`),
  ].filter((start) => !page.includes(start))
  expect(missing).toEqual([])
  expect(page.match(/<pre>curl/g)).toHaveLength(operations.length)
  expect(page).toContain(
    "<pre>curl -X POST &quot;https://parley.test/phone/v1/calls/CAa4c16730bc344617864a603c5a93f012/say&quot; \\\n" +
      "  -H &quot;Authorization: Bearer $KEY&quot; \\\n" +
      "  -H &quot;Content-Type: application/json&quot; \\\n" +
      "  -d &#39;{&quot;text&quot;:&quot;One moment, I am connecting you with a colleague.&quot;}&#39;</pre>",
  )
})

test("text of the document cannot become markup, and a quote cannot end an argument of the command", async () => {
  const evil = `"'><script>alert(1)</script>`
  const schema = { description: evil, properties: { [evil]: { enum: [evil], default: evil, pattern: evil } } }
  const content = { "application/json": { schema, example: { [evil]: evil } } }
  const shown = await apiPage({
    ...document,
    tags: [{ name: "Calls", description: evil }],
    paths: {
      [`/${evil}`]: {
        post: {
          operationId: "evil",
          tags: ["Calls"],
          summary: evil,
          description: evil,
          parameters: [{ name: evil, in: "query", required: true, description: evil, schema }],
          requestBody: { required: true, content },
          responses: {
            200: { description: evil, headers: { [evil]: { description: evil, schema } }, content },
          },
        },
      },
    },
    components: { ...document.components, schemas: { [evil]: schema } },
  })
  expect(String(shown).match(/<script/g)).toHaveLength(1)
  expect(String(shown)).not.toContain(evil)
  expect(String(shown)).toContain("-d &#39;{&quot;\\&quot;&#39;\\&#39;&#39;&gt;")
})
