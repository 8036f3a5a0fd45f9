import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { HeldConnections } from "../../../src/cli/supervisor/held-connections.ts"
import { localSocketPath } from "../../../src/cli/supervisor/messages.ts"

const folder = mkdtempSync(join(tmpdir(), "parley-held-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A worker's listener, which stands in for one on a port as well. */
function worker(name: string) {
  const socketPath = join(folder, `${name}.sock`)
  const servers = (["other", "local"] as const).map((kind) =>
    Bun.serve({
      unix: kind === "local" ? localSocketPath(socketPath) : socketPath,
      async fetch(request) {
        const body = new Uint8Array(await request.arrayBuffer())
        return new Response(body, { headers: { worker: name, kind } })
      },
    }),
  )
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop(true))))
  return { socketPath, [Symbol.asyncDispose]: stop }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "::", port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}

const post = (port: number, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, keepalive: false })

test("connections wait while no worker listens, and reach the next one with all bytes in both directions", async () => {
  const port = freePort()
  const held = new HeldConnections()
  held.workerEnded(port)
  const big = crypto.getRandomValues(new Uint8Array(65_536))
  const body = new Uint8Array(8 * 1024 * 1024).map((_, index) => big[index % big.length] ?? 0)
  const waiting = Promise.all([post(port, "a"), post(port, body)])
  await using first = worker("first")
  held.workerListens(port, first.socketPath)
  const [small, large] = await waiting
  expect([small.headers.get("worker"), await small.text()]).toEqual(["first", "a"])
  expect(Buffer.compare(new Uint8Array(await large.arrayBuffer()), body)).toBe(0)
  held.stopListening()
})

test("a connection of this machine reaches the socket for those, and one of another machine does not", async () => {
  const port = freePort()
  const held = new HeldConnections()
  await using first = worker("kinds")
  held.workerListens(port, first.socketPath)
  const kindOf = async (host: string) =>
    (await fetch(`http://${host}:${port}/`, { keepalive: false })).headers.get("kind")
  expect([await kindOf("127.0.0.1"), await kindOf("[::1]")]).toEqual(["local", "local"])
  const own = Object.values(networkInterfaces()).flat()
  const outside = own.find((address) => address?.internal === false && address.family === "IPv4")
  // Without a network there is no other address to come from.
  if (outside) expect(await kindOf(outside.address)).toBe("other")
  held.stopListening()
})

test("a connection that comes while the worker is already gone waits for the next worker", async () => {
  const port = freePort()
  const held = new HeldConnections()
  {
    await using gone = worker("gone")
    held.workerListens(port, gone.socketPath)
    expect((await post(port, "a")).headers.get("worker")).toBe("gone")
  }
  const waiting = post(port, "b")
  held.workerEnded(port)
  await using next = worker("next")
  held.workerListens(port, next.socketPath)
  expect((await waiting).headers.get("worker")).toBe("next")
  held.stopListening()
})

test("the close of either side reaches the other one", async () => {
  const port = freePort()
  const held = new HeldConnections()
  const socketPath = join(folder, "echo.sock")
  const ended = Promise.withResolvers<string>()
  let received = ""
  using _ = Bun.listen({
    unix: localSocketPath(socketPath),
    allowHalfOpen: true,
    socket: {
      data: (_, bytes) => void (received += bytes.toString()),
      end(socket) {
        // The half-close of the client leaves the way back open.
        socket.end(`got ${received}`)
      },
    },
  })
  held.workerListens(port, socketPath)
  let answer = ""
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.write("hello")
        socket.shutdown()
      },
      data: (_, bytes) => void (answer += bytes.toString()),
      end: (socket) => void socket.end(),
      close: () => ended.resolve(answer),
    },
  })
  expect(await ended.promise).toBe("got hello")
  held.stopListening()
})
