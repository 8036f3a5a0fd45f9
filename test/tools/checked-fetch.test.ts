/** Requests to addresses that the operator configured: which are refused, and to which IP address they go. */

import { afterAll, describe, expect, test } from "bun:test"
import { AppError, messageOf } from "../../src/lib/errors.ts"
import { checkedFetch, type ResolveHost } from "../../src/tools/checked-fetch.ts"

const hosts: (string | null)[] = []
const service = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    hosts.push(request.headers.get("host"))
    if (request.url.endsWith("/bomb")) {
      return new Response(Bun.gzipSync("x".repeat(1_000_000)), { headers: { "content-encoding": "gzip" } })
    }
    return Response.json({ acceptEncoding: request.headers.get("accept-encoding") })
  },
})
afterAll(() => service.stop(true))

const url = (host: string, path = "/") => `http://${host}:${service.port}${path}`

const failureOf = (sent: Promise<unknown>) =>
  sent.then(
    () => "sent",
    (error: unknown) => messageOf(error),
  )

/** Answers of a DNS server that changes its mind: one list for each question. */
function answersOf(...answers: readonly string[][]): ResolveHost & { asked: string[] } {
  const asked: string[] = []
  const left = [...answers]
  return Object.assign(
    async (host: string) => {
      asked.push(host)
      return left.shift() ?? []
    },
    { asked },
  )
}

describe("which addresses are refused before anything is sent", () => {
  test.each([
    ["http://10.0.0.1/", false],
    ["http://169.254.169.254/", false],
    ["http://[fd00::1]/", false],
    ["http://[::ffff:10.0.0.1]/", false],
    ["ftp://8.8.8.8/", true],
    ["nowhere", true],
  ])("%s, with private ones allowed: %p", async (address, allowPrivate) => {
    const error = await checkedFetch({ allowPrivate })(address, {}).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(AppError)
  })

  test("a name with one private address among public ones", async () => {
    const resolve = answersOf(["8.8.8.8", "10.0.0.1"])
    const send = checkedFetch({ allowPrivate: false, resolve })
    expect(await failureOf(send(url("mixed.example"), {}))).toContain("private network")
  })

  test("a name of others that leads to this machine", async () => {
    const send = checkedFetch({ allowPrivate: false, resolve: answersOf(["127.0.0.1"]) })
    expect(await failureOf(send(url("partner.example"), {}))).toContain("private network")
  })

  test("a name that cannot be resolved", async () => {
    const send = checkedFetch({ allowPrivate: true, resolve: answersOf([]) })
    expect(await failureOf(send(url("nowhere.example"), {}))).toContain("nowhere.example cannot be resolved")
  })
})

test("the request goes to the address that was checked, under the name's own Host", async () => {
  hosts.length = 0
  // A second question would be answered with an address inside.
  const resolve = answersOf(["127.0.0.1"], ["10.0.0.1"])
  const response = await checkedFetch({ allowPrivate: true, resolve })(url("rebind.example"), {})
  expect({ status: response.status, hosts, asked: resolve.asked }).toEqual({
    status: 200,
    hosts: [`rebind.example:${service.port}`],
    asked: ["rebind.example"],
  })
})

test("identity encoding is asked for, and a compressed answer is refused unread", async () => {
  const send = checkedFetch({ allowPrivate: false })
  expect(await (await send(url("127.0.0.1"), {})).json()).toEqual({ acceptEncoding: "identity" })
  expect(await failureOf(send(url("127.0.0.1", "/bomb"), {}))).toContain("compressed (gzip)")
})
