/** The client as a program of somebody else installs it: the packed archive on Node.js, with its types. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const ROOT = resolve(import.meta.dir, "../..")
const work = mkdtempSync(join(tmpdir(), "parley-client-package-"))
const consumer = join(work, "consumer")
const bin = (name: string) => join(ROOT, "node_modules/.bin", name)

async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdout: "pipe", stderr: "pipe", env: cleanEnvironment() })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${out}\n${err}`)
  return out.trim()
}

/** Without what npm and the test runner set for their own children. */
function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_)/.test(name)))
}

beforeAll(async () => {
  const built = join(work, "built")
  await run([bin("tsc"), "-p", join(ROOT, "src/client"), "--outDir", built], ROOT)
  cpSync(join(ROOT, "src/client/package.json"), join(built, "package.json"))
  const archive = (await run(["npm", "pack", "--silent"], built)).split("\n").at(-1) ?? ""
  await run(["mkdir", consumer], work)
  writeFileSync(join(consumer, "package.json"), '{ "name": "consumer", "private": true, "type": "module" }')
  await run(["npm", "install", "--offline", "--no-audit", "--no-fund", join(built, archive)], consumer)
}, 60_000)

afterAll(() => rmSync(work, { recursive: true, force: true }))

describe("the packed client", () => {
  test("runs on Node.js and asks the server", async () => {
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) =>
        request.headers.get("authorization") === "Bearer key-of-this-test-000"
          ? Response.json({ calls: [], nextCursor: null })
          : Response.json({ error: { code: "UNAUTHORIZED", message: "no" } }, { status: 401 }),
    })
    const script = `
      import { ParleyClient, ParleyError } from "parley-phone"
      const parley = new ParleyClient({ url: "http://127.0.0.1:${server.port}", key: "key-of-this-test-000" })
      const { calls } = await parley.calls()
      const wrong = new ParleyClient({ url: "http://127.0.0.1:${server.port}", key: "wrong" })
      const error = await wrong.calls().catch((cause) => cause)
      console.log(JSON.stringify([calls, error instanceof ParleyError, error.status]))
    `
    writeFileSync(join(consumer, "run.mjs"), script)
    expect(await run(["node", "run.mjs"], consumer)).toBe("[[],true,401]")
  })

  test.each([["NodeNext"], ["Bundler"]])("has types that hold with %s resolution", async (resolution) => {
    writeFileSync(
      join(consumer, "use.ts"),
      `import { ParleyClient, type CallView, type ObserverMessage } from "parley-phone"
       const parley = new ParleyClient({ url: "http://127.0.0.1:1" })
       export const call: Promise<CallView> = parley.call("CA1")
       export const watch = () => parley.watch("CA1", {
         onMessage: (message: ObserverMessage) => { if (message.event === "audio") message.payload.length },
         onError: (error) => { throw error },
       })
       // @ts-expect-error A filter that does not exist is refused.
       void parley.calls({ colour: "red" })
      `,
    )
    const module = resolution === "NodeNext" ? "NodeNext" : "ESNext"
    const flags = ["--noEmit", "--strict", "--target", "ES2022", "--types", "", "--module", module]
    const out = await run(
      [bin("tsc"), "--ignoreConfig", ...flags, "--moduleResolution", resolution, "use.ts"],
      consumer,
    )
    expect(out).toBe("")
  })

  test("carries the version of the server", () => {
    const versionIn = (file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8")).version
    expect(versionIn("src/client/package.json")).toBe(versionIn("package.json"))
  })
})
