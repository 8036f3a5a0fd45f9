import { expect, test } from "bun:test"
import { requestPath, withAbsoluteUrl } from "../../../src/server/twilio/request-path.ts"

test.each([
  [undefined, "http://h/a?b=c", "/a?b=c"],
  ["https://p.test", "http://h/a", "/a"],
  ["https://p.test", "http://h", "/"],
  ["https://p.test/phone", "http://h/phone/a?x=/phone/", "/a?x=/phone/"],
  ["https://p.test/phone/", "http://h/phone/a", "/a"],
  ["https://p.test/phone", "http://h/a", "/a"],
  ["https://p.test/phone", "http://h/phone", "/phone"],
  ["https://p.test/phone", "http://h/phonebook", "/phonebook"],
  ["https://p.test/a/b", "http://h/a/b/c", "/c"],
  ["https://p.test/a/b", "http://h/a/c", "/a/c"],
  ["https://p.test", "http://h/a#fragment", "/a"],
])("below %p the address %p is %p", (publicUrl, url, expected) => {
  expect(requestPath(publicUrl)(new Request(url))).toBe(expected)
})

test("a request without a Host has a bare path as its URL, whatever it begins with", () => {
  // Bun builds such requests for HTTP/1.0; no constructor does.
  const bare = (url: string) => ({ url, headers: new Headers() }) as Request
  const pathOf = requestPath("https://p.test/phone")
  expect([pathOf(bare("/twilio/voice?x=1")), pathOf(bare("//host/a")), pathOf(bare("/phone/a"))]).toEqual([
    "/twilio/voice?x=1",
    "//host/a",
    "/a",
  ])
  expect(withAbsoluteUrl(bare("//host/a")).url).toBe("http://localhost//host/a")
})
