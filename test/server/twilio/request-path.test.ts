import { expect, test } from "bun:test"
import { requestPath } from "../../../src/server/twilio/request-path.ts"

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
