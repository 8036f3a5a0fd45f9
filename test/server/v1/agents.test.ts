/** `/v1/agents`: what is in force, and who answers which number. */

import { expect, test } from "bun:test"
import { AppUnderTest } from "../app-under-test.ts"

test("agents are listed with what they use and the numbers that they answer", async () => {
  await using app = await AppUnderTest.start()
  const config = {
    agents: { sales: { engine: "realtime", greeting: "Hi" } },
    numbers: { "+15550100002": "sales" },
  }
  const headers = { "Content-Type": "application/json" }
  await app.json("/v1/config", { method: "PATCH", headers, body: JSON.stringify(config) })
  const common = { contextKey: "defaultContext", manifestKey: "defaultToolManifest" }
  expect(await app.json("/v1/agents")).toEqual({
    agents: [
      { key: "default", engine: "relay", greeting: expect.any(String), numbers: [], ...common },
      { key: "sales", engine: "realtime", greeting: "Hi", numbers: ["+15550100002"], ...common },
    ],
  })
})

test.each([
  ["/v1/calls?limt=5", "limt"],
  ["/v1/numbers?page=2", "page"],
  ["/v1/events?after=1&since=2", "since"],
])("a query field that is not known is refused: %s", async (path, field) => {
  await using app = await AppUnderTest.start()
  const response = await app.api(path)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    error: { details: [{ field, message: "is not a known field" }] },
  })
})

test("a missing number is reported", async () => {
  await using app = await AppUnderTest.start()
  const headers = { "Content-Type": "application/json" }
  const response = await app.api("/v1/calls", { method: "POST", headers, body: "{}" })
  expect(await response.json()).toEqual({
    error: {
      code: "INVALID_REQUEST",
      message: "The body is invalid: to: is missing",
      details: [{ field: "to", message: "is missing" }],
    },
  })
})
