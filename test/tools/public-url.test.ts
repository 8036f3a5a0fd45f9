/** Which addresses are public. */

import { describe, expect, test } from "bun:test"
import { isPrivateAddress, publicHttpUrl } from "../../src/tools/public-url.ts"

describe("addresses that only a machine inside could mean", () => {
  test.each([
    ["127.0.0.1", "loopback"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["169.254.169.254", "link-local: metadata of a cloud"],
    ["100.64.0.1", "shared"],
    ["0.0.0.0", "this network"],
    ["192.0.2.1", "documentation"],
    ["198.18.0.1", "benchmarking"],
    ["224.0.0.1", "multicast"],
    ["255.255.255.255", "broadcast"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["::7f00:1", "IPv4 in its oldest clothes"],
    ["::ffff:127.0.0.1", "IPv4-mapped"],
    ["::ffff:7f00:1", "IPv4-mapped, in hexadecimal"],
    ["::FFFF:10.0.0.1", "IPv4-mapped, in capitals"],
    ["64:ff9b::a00:1", "IPv4-translated"],
    ["2002:7f00:1::", "6to4"],
    ["2001:0:1::", "Teredo"],
    ["2001:db8::1", "documentation"],
    ["fc00::1", "unique local"],
    ["fd12::1", "unique local"],
    ["fe80::1", "link-local"],
    ["fec0::1", "site-local"],
    ["ff02::1", "multicast"],
    ["100.127.255.255", "shared, its last address"],
    ["192.88.99.1", "6to4 relay"],
    ["240.0.0.1", "reserved"],
    ["::ffff:0:10.0.0.1", "IPv4-translated (RFC 2765)"],
    ["::ffff:c0a8:101", "IPv4-mapped, in hexadecimal"],
    ["64:ff9b::8.8.8.8", "NAT64 of a public address: what it reaches is not known here"],
    ["64:ff9b:1::1", "local NAT64"],
    ["100::1", "discard"],
    ["3fff::1", "documentation"],
    ["4000::1", "not assigned"],
    ["5f00::1", "segment routing"],
    ["fe80::1%eth0", "link-local with its zone"],
  ])("%s: %s", (address) => expect(isPrivateAddress(address)).toBe(true))

  test.each([
    ["8.8.8.8"],
    ["172.32.0.1"],
    ["::ffff:8.8.8.8"],
    ["::ffff:808:808"],
    ["100.63.255.255"],
    ["100.128.0.1"],
    ["2606:4700::1111"],
    ["example.com"],
    [""],
  ])("not %s", (address) => expect(isPrivateAddress(address)).toBe(false))
})

describe("URLs for Twilio to fetch", () => {
  test.each([
    ["https://example.com/a.mp3?x=1"],
    ["http://example.com:8080/"],
    ["https://1.1.1.1/"],
    ["https://[2606:4700::1111]/"],
  ])("%s is accepted", (url) => expect(publicHttpUrl(url)).toEqual({ ok: true }))

  const PRIVATE = "leads into a private network"
  test.each([
    ["http://localhost:3000/", PRIVATE],
    ["http://a.localhost./", PRIVATE],
    ["http://LOCALHOST/", PRIVATE],
    ["http://intranet/", PRIVATE],
    ["http://db.internal/", PRIVATE],
    ["http://2130706433/", PRIVATE],
    ["http://0x7f.1/", PRIVATE],
    ["http://017700000001/", PRIVATE],
    ["http://127。0。0。1/", PRIVATE],
    ["http://[::1]/", PRIVATE],
    ["http://[::ffff:127.0.0.1]/", PRIVATE],
    ["http://169.254.169.254/latest/meta-data", PRIVATE],
    ["https://user:secret@example.com/", "user name or password"],
    ["file:///etc/passwd", "must begin with https://"],
    ["javascript:alert(1)", "must begin with https://"],
    ["example.com/a.mp3", "not a valid URL"],
    ["", "not a valid URL"],
  ])("%s is not", (url, reason) => {
    expect(publicHttpUrl(url)).toEqual({ ok: false, message: expect.stringContaining(reason) })
  })
})
