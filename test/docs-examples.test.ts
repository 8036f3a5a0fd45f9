/** What the pages for people ask a reader to write or to type works: asset files, agents, and the commands of the REST API. */

import { expect, test } from "bun:test"
import { Glob } from "bun"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { startLocalServer } from "../src/cli/local-server.ts"
import { readConfig } from "../src/config/config.ts"
import { Sweep } from "../src/lib/sweep.ts"
import type { SimulatedTwilio } from "../src/sim/simulated-twilio.ts"
import { callHarness, simulatedRestService } from "./call-harness.ts"

const ROOT = resolve(import.meta.dir, "..")

function read(name: string): string {
  return readFileSync(join(ROOT, name), "utf8")
}

/** The first code block of a page that follows these words. */
function blockAfter(page: string, words: string): string {
  const text = read(page)
  const block = /^```\w+\n([\s\S]*?)^```$/m.exec(text.slice(text.indexOf(words)))?.[1]
  if (!text.includes(words) || block === undefined) throw new Error(`${page} has no block after: ${words}`)
  return block
}

/** A folder with the given asset files in `assets/`. */
function folderWith(files: Readonly<Record<string, string>>) {
  const path = mkdtempSync(join(tmpdir(), "parley-docs-"))
  const assets = join(path, "assets")
  mkdirSync(assets)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(assets, name), text)
  return { path, assets, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

const README_AGENT = {
  "serverConfig.json": blockAfter("README.md", "Write this to `assets/serverConfig.json`"),
  "bakery.md": blockAfter("README.md", "And this to `assets/bakery.md`"),
}
const COMPLETE_AGENT = {
  "serverConfig.json": blockAfter("docs/agents.md", "Three files in `assets/`"),
  "frontDesk.md": blockAfter("docs/agents.md", "`frontDesk.md`:"),
  "frontDeskTools.json": blockAfter("docs/agents.md", "`frontDeskTools.json`:"),
}

test("Agents links to every file of docs/examples", () => {
  const names = [...new Glob("*").scanSync(join(ROOT, "docs/examples"))]
  const page = read("docs/agents.md")
  expect(names.filter((name) => !page.includes(`(examples/${name})`))).toEqual([])
})

test.each([
  ["README", README_AGENT, "Corner Bakery, good morning! How can I help?"],
  ["Agents", COMPLETE_AGENT, "Hello, this is Acme. How can I help?"],
] as const)("the agent that %s shows answers a call to its number", async (_, files, greeting) => {
  using folder = folderWith(files)
  const config = readConfig({ MODEL_PROVIDER: "demo", ASSETS_DIR: folder.assets })
  await using local = await startLocalServer({ config, databaseUrl: ":memory:", speed: 1000 })
  const call = local.twilio.call({ from: "+15550100001", to: "+15550100002" })
  const heard = await call.agentTurn()
  call.hangup()
  const { problems } = await call.ended
  expect({ heard, problems }).toEqual({ heard: greeting, problems: [] })
})

/** Runs before each command: a failure of curl fails the step, and a stream is read up to its first line. */
const SHELL = `
set -eo pipefail
curl() {
  case " $* " in
    *" -N "*) exec 3< <(command curl -sS --fail-with-body "$@"); local pid=$!; read -r line <&3; kill $pid; echo "$line" ;;
    *) command curl -sS --fail-with-body "$@" ;;
  esac
}
`

/** The commands need both; an image without them skips the test. */
const hasShell = Bun.which("bash") !== null && Bun.which("curl") !== null

test.skipIf(!hasShell)(
  "the commands of the REST API run in the order of the page",
  async () => {
    using folder = folderWith(COMPLETE_AGENT)
    await using account = await simulatedAccount(folder.assets)
    const { app, rest } = account
    const failures = await runCommands(read("docs/rest-api.md"), {
      folder: folder.path,
      url: app.url,
      waits: {
        "POST /v1/calls/:sid/say": () => app.events.next(({ event }) => event.type === "session.opened"),
        "GET /v1/events": async () => app.status((await rest.calls.next()).callSid, "completed"),
      },
    })
    expect(failures).toEqual([])
  },
  60_000,
)

test.skipIf(!hasShell)(
  "the commands of the README that place and read a call run",
  async () => {
    using folder = folderWith(README_AGENT)
    await using account = await simulatedAccount(folder.assets)
    const page = read("README.md")
    const part = page.slice(page.indexOf("## Place a call"), page.indexOf("## Watch a call"))
    const failures = await runCommands(part, { folder: folder.path, url: account.app.url, waits: {} })
    expect(failures).toEqual([])
  },
  60_000,
)

type RunCommands = {
  /** Where they run. */
  folder: string
  /** Address of the server, in place of the printed one. */
  url: string
  /** What a reader waits for before the commands under a heading. */
  waits: Readonly<Record<string, () => Promise<unknown>>>
}

/** Runs the commands of a page from top to bottom. Resolves to the output of those that failed. */
async function runCommands(page: string, { folder, url, waits }: RunCommands): Promise<string[]> {
  const variables = join(folder, "variables.sh")
  writeFileSync(variables, "")
  const failures: string[] = []
  for (const { wait, commands } of scriptsOf(page, Object.keys(waits))) {
    if (wait !== undefined) await waits[wait]?.()
    const own = commands.replace("http://127.0.0.1:3000", url)
    const script = `${SHELL}. "${variables}"\n${own}\nexport -p > "${variables}"\n`
    const run = Bun.spawn(["bash", "-c", script], { cwd: folder, stdout: "pipe", stderr: "pipe" })
    const output = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()])
    if ((await run.exited) !== 0) failures.push(output.join("").slice(-2000))
  }
  return failures
}

type Script = { wait: string | undefined; commands: string }

/** The commands of a page; a new script begins at each heading that has something to wait for. */
function scriptsOf(page: string, waits: readonly string[]): Script[] {
  const scripts: Script[] = [{ wait: undefined, commands: "" }]
  for (const section of page.split(/^## /m)) {
    const heading = section.split("\n", 1)[0] ?? ""
    if (waits.includes(heading)) scripts.push({ wait: heading, commands: "" })
    const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code)
    const script = scripts.at(-1)
    if (script && blocks.length > 0) script.commands += `echo "== ${heading}"\n${blocks.join("")}`
  }
  return scripts
}

/** A server with an account at a simulated Twilio: what it places is answered at once. */
async function simulatedAccount(assetsDir: string) {
  const sweep = new Sweep()
  const rest = simulatedRestService({
    get twilio(): SimulatedTwilio {
      return harness.twilio
    },
    numbers: ["+15550100002"],
  })
  const hook = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const harness = await callHarness({
    services: { rest },
    env: { ASSETS_DIR: assetsDir, API_KEYS: "change-me-please-0001", WEBHOOK_URL: hook.url.href },
    sweep,
  })
  return {
    app: harness.app,
    rest: harness.rest,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]()
      sweep[Symbol.dispose]()
      await hook.stop(true)
    },
  }
}
