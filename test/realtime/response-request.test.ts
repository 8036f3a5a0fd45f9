import { expect, test } from "bun:test"
import { encodeRequest, eventIdIn, type ResponseRequest } from "../../src/realtime/response-request.ts"

test.each<{ request: ResponseRequest; response: object }>([
  { request: { kind: "answer", about: ["output_1"] }, response: {} },
  {
    request: { kind: "sentence", text: "Good day." },
    response: {
      instructions: expect.stringMatching(/word for word.*\n\nGood day\.$/),
      input: [],
      tool_choice: "none",
    },
  },
])("the frame of a request for $request.kind", ({ request, response }) => {
  expect(JSON.parse(encodeRequest(request, "create_1"))).toEqual({
    type: "response.create",
    event_id: "create_1",
    response: { ...response, metadata: { parley_create: "create_1" } },
  })
})

test.each([
  { because: "of a request", metadata: { parley_create: "create_1" }, eventId: "create_1" },
  { because: "of a response that the server started by itself", metadata: {}, eventId: undefined },
])("the event id $because", ({ metadata, eventId }) => expect(eventIdIn(metadata)).toBe(eventId))
