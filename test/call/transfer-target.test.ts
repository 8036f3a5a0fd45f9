import { expect, test } from "bun:test"
import { HttpToolSpec } from "../../src/call/http-tool-spec.ts"
import { TransferTarget } from "../../src/call/transfer-target.ts"

test.each([
  [" +15550100001 ", "number", "+15550100001"],
  ["sip:desk@pbx.example.com", "sip", "sip:desk@pbx.example.com"],
  ["sips:desk@pbx.example.com:5061", "sip", "sips:desk@pbx.example.com:5061"],
  ["queue:Second line", "queue", "Second line"],
  ["workflow:WW0123456789abcdef0123456789abcdef", "workflow", "WW0123456789abcdef0123456789abcdef"],
] as const)("%p is a %s", (text, kind, to) => expect(TransferTarget.parse(text)).toEqual({ kind, to }))

test("the extension of a number is kept", () => {
  const target = { kind: "number", to: "+15550100001", extension: "12" } as const
  expect(TransferTarget.parse("+15550100001;ext=12")).toEqual(target)
})

test.each([
  ["", "nothing"],
  ["+266696687", "a withheld caller"],
  ["+15550100001 ext. 12", "an extension in another form"],
  ["5550100001", "no country"],
  ["+0123", "begins with 0"],
  ["+1234567890123456", "too long"],
  ["sip:desk", "no host"],
  ["sip:a@b@c d", "a blank"],
  ['sip:a@b"><Say>', "markup"],
  ["queue:", "no name"],
  ["queue:<b>", "markup"],
  ["workflow:WW1", "no SID"],
  ["client:ann", "another kind"],
  [`sip:${"a".repeat(201)}@b`, "huge"],
])("%p is none: %s", (text) => expect(TransferTarget.safeParse(text).success).toBe(false))

test.each([
  ["https://crm.example.com/orders/{id}?q={q}", true],
  ["https://${HOST}/orders", true],
  ["${BASE}/orders/{id}", true],
  ["https://{host}/orders", false],
  ["https://crm.example.com@{host}/orders", false],
  ["https://crm.{tenant}.example.com/", false],
  ["", false],
])("the address %p of a service: %p", (url, accepted) => {
  expect(HttpToolSpec.safeParse({ url }).success).toBe(accepted)
})
