/** The pages for people say nothing that the program does not do: links, commands, variables, examples, answers. */

import { expect, test } from "bun:test"
import { Glob } from "bun"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { CONFIG_TABLE } from "../src/config/variables.ts"
import type { ErrorCode } from "../src/lib/errors.ts"
import { describedRoutes } from "../src/server/openapi/document.ts"
import { allRoutes } from "./server/described-routes.ts"

const ROOT = resolve(import.meta.dir, "..")
const REGENERATE = "UPDATE_DOCS=1 npx bun test test/docs.test.ts"

type Page = { name: string; text: string }

const pages: Page[] = [
  "README.md",
  "CHANGELOG.md",
  ...new Glob("docs/*.md").scanSync(ROOT),
  "test/contract/README.md",
]
  .toSorted()
  .map((name) => ({ name, text: read(name) }))

function read(name: string): string {
  return readFileSync(join(ROOT, name), "utf8")
}

/** Everything that a pattern finds on all pages and is not right, as `page: what`. */
function wrong(pattern: RegExp, isRight: (found: string, page: Page) => boolean, among = pages): string[] {
  const all = among.flatMap((page) =>
    [...page.text.matchAll(pattern)]
      .map((match) => match[1] ?? match[0])
      .filter((found) => !isRight(found, page))
      .map((found) => `${page.name}: ${found}`),
  )
  return [...new Set(all)]
}

/** Code blocks of a language, without the line breaks inside commands. */
function blocks(text: string, language: string): string[] {
  const fences = text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, "gm"))
  return [...fences].map(([, code = ""]) => code.replace(/\\\n\s*/g, ""))
}

test("the table of variables is the program's", () => {
  const fence = /(<!-- variables:[^\n]*-->\n)[\s\S]*?(<!-- end of variables -->)/
  const page = read("docs/configuration.md")
  const current = page.replace(fence, (_, head: string, tail: string) => `${head}\n${variables()}\n${tail}`)
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(join(ROOT, "docs/configuration.md"), current)
  else if (unpadded(page) !== unpadded(current))
    throw new Error(`docs/configuration.md is out of date. Run: ${REGENERATE}`)
  expect(fence.test(page)).toBe(true)
})

/** The formatter pads the cells of a table. */
function unpadded(text: string): string {
  return text.replace(/ +/g, " ").replace(/-{3,}/g, "---")
}

function variables(): string {
  const code = (text: string) => `\`${text}\``
  const rows = CONFIG_TABLE.map(({ name, default: value, also, secret, meaning }) => {
    const shown = value === undefined || value === "" ? "none" : code(value)
    const cells = [`${code(name)}${secret ? " ✱" : ""}`, shown, meaning, also.map(code).join(", ")]
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  })
  return ["| variable | default | meaning | also read as |", "| --- | --- | --- | --- |", ...rows, ""].join(
    "\n",
  )
}

test("every link leads to a file and a heading that are there", () => {
  const broken = wrong(/\]\(([^)\s]+)\)/g, (target, { name }) => {
    if (/^https?:/.test(target)) return true
    const [path = "", anchor] = target.split("#")
    const file = path === "" ? join(ROOT, name) : join(ROOT, dirname(name), path)
    return existsSync(file) && (anchor === undefined || anchors(readFileSync(file, "utf8")).includes(anchor))
  })
  expect(broken).toEqual([])
})

/** The anchors that a page gets when it is shown: headings in small letters, without punctuation. */
function anchors(text: string): string[] {
  const headings = text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  )
}

test("every page is linked from the README", () => {
  const docs = pages.map(({ name }) => name).filter((name) => name.startsWith("docs/"))
  expect(docs.filter((name) => !read("README.md").includes(`](${name})`))).toEqual([])
})

test("every npm script that is named is there", () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"))
  expect(wrong(/npm run ([\w:-]+)/g, (name) => Object.hasOwn(scripts, name))).toEqual([])
})

test("every command of the program and every option that is named is there", () => {
  const program = read("src/cli/program.ts")
  const commands = [...program.matchAll(/\.command\("(\w+)"/g)].map(([, name]) => name)
  const named = /(?:`parley|src\/main\.ts|(?:dist|srv\/parley)\/parley) ([a-z]+)/g
  expect(wrong(named, (name) => [...commands, "help"].includes(name))).toEqual([])
  expect(wrong(/`parley [a-z]+ (--[a-z]+)/g, (option) => program.includes(option))).toEqual([])
})

/** Words in capitals that are no variables of the program. */
const CODES: readonly ErrorCode[] = [
  "BAD_SIGNATURE",
  "INVALID_REQUEST",
  "METHOD_NOT_ALLOWED",
  "NOT_CONFIGURED",
  "NOT_FOUND",
  "RATE_LIMITED",
  "TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "UPSTREAM_FAILED",
]
const OTHERS = [
  "API_BASE_URL",
  "LLM_MODEL_SWITCH_DURATION",
  "REDIS_CLIENT_URL",
  "TWILIO_TO_NUMBER",
  "BUN_CONFIG_MAX_HTTP_REQUESTS",
  "CAP_AI",
  "END_THE_CALL",
  "MIMALLOC_PURGE_HOLES_MIN_INTERVAL",
  "NODE_ENV",
  "UPDATE_DOCS",
]
const names = CONFIG_TABLE.flatMap(({ name, also }) => [name, ...also])

test("every variable that is named is one the program reads", () => {
  const known = new Set<string>([...names, ...CODES, ...OTHERS])
  const isKnown = (name: string) => known.has(name) || name.startsWith("TOOL_SECRET")
  expect(wrong(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g, isKnown)).toEqual([])
})

test("the example of the environment names variables of the program, in a form that every reader takes", () => {
  const example = { name: ".env.example", text: read(".env.example") }
  expect(wrong(/^(?:# )?([A-Z0-9_]+)=/gm, (name) => names.includes(name), [example])).toEqual([])
  expect(wrong(/^[A-Z0-9_]+=.*["'#].*$/gm, () => false, [example])).toEqual([])
})

test("every file of the source that is named is there", () => {
  expect(
    wrong(/`((?:src|assets)\/[\w./-]+)`/g, (path) => SHOWN.has(path) || existsSync(join(ROOT, path))),
  ).toEqual([])
})

/** Files that a reader is asked to make, and their folder. */
const SHOWN = new Set(["assets/", "assets/serverConfig.json", "assets/bakery.md", "assets/menus"])

test("the image is built without tests and docs, and with everything that the program imports", () => {
  const sources = [...new Glob("src/**/*.ts").scanSync(ROOT)].map(read).join("\n")
  const outside = [...sources.matchAll(/"(?:\.\.\/)+((?:assets|drizzle|package)[^"]*)(?<!\.ts)"/g)]
  const needed = new Set(outside.map(([, path = ""]) => path.split("/", 1)[0] ?? ""))
  const ignored = read(".dockerignore").split("\n")
  expect([...needed].toSorted()).toEqual(["drizzle", "package.json"])
  expect(ignored).toContain("test")
  expect(ignored).toContain("docs")
  expect(ignored.filter((name) => name === "src" || needed.has(name))).toEqual([])
})

test("the Compose file keeps every volume of the image", () => {
  const volumes: string[] = JSON.parse(/^VOLUME (.+)$/m.exec(read("Dockerfile"))?.[1] ?? "null")
  expect(volumes.filter((path) => !read("docker-compose.yml").includes(`:${path}\n`))).toEqual([])
})

test("every JSON example can be read", () => {
  const faults = pages.flatMap(({ name, text }) =>
    blocks(text, "json").flatMap((code) => {
      try {
        JSON.parse(code)
        return []
      } catch (error) {
        return [`${name}: ${String(error)} in ${code.slice(0, 80)}`]
      }
    }),
  )
  expect(faults).toEqual([])
})

const operations = describedRoutes(allRoutes()).map(({ method, path, operation, body }) => ({
  body: body?.schema,
  success: Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1].schema,
  heading: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`,
  pattern: new RegExp(`^${method.toUpperCase()} ${path.replace(/\{\w+\}/g, "[^/]+")}$`),
}))
const sections = new Map(
  read("docs/rest-api.md")
    .split(/^## /m)
    .map((section) => [section.split("\n", 1)[0] ?? "", section]),
)

test("the page of the API has a section for every operation, and for no other", () => {
  const shown = [...sections.keys()].filter((heading) => /^[A-Z]+ \//.test(heading))
  expect(shown.toSorted()).toEqual(operations.map(({ heading }) => heading).toSorted())
})

test.each(operations.map((operation) => [operation.heading, operation] as const))(
  "the answer shown for %s is one that its schema takes",
  (heading, { success }) => {
    const json = blocks(sections.get(heading) ?? "", "json").at(-1)
    expect(success?.safeParse(JSON.parse(json ?? "null"))).toMatchObject({ success: true })
  },
)

/** Paths of an earlier system, which the description of the API leaves out. */
const ALIASES = ["POST /connectConversationRelay", "POST /conversation"]

test("every curl example asks for an operation of the API, with a body that its schema takes", () => {
  const faults = pages.flatMap(({ name, text }) => {
    const commands = blocks(text, "sh").flatMap((code) =>
      code.split("\n").filter((line) => /^\s*curl /.test(line)),
    )
    return commands.flatMap((command) => faultOf(command).map((fault) => `${name}: ${fault}: ${command}`))
  })
  expect(faults).toEqual([])
})

function faultOf(command: string): string[] {
  const method = /-X ([A-Z]+)/.exec(command)?.[1] ?? "GET"
  const path = /"\$PARLEY([^"?]*)/.exec(command)?.[1] ?? ""
  const request = `${method} ${path}`
  if (ALIASES.includes(request)) return []
  const operation = operations.find(({ pattern }) => pattern.test(request))
  if (!operation) return [`there is no ${request}`]
  if (command.includes("--data-binary")) return []
  const body = / -d '([^']*)'/.exec(command)?.[1]
  if (operation.body === undefined) return body === undefined ? [] : [`${request} takes no body`]
  const parsed = operation.body.safeParse(JSON.parse(body ?? "null"))
  return (parsed.error?.issues ?? []).map(({ message }) => message)
}

test("the test of a whole call runs as it is printed", async () => {
  const [code = ""] = blocks(read("docs/testing.md"), "ts")
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, "printed.test.ts"), code.replaceAll("../../src", join(ROOT, "src")))
  const run = Bun.spawn([process.execPath, "test", "printed.test.ts"], {
    cwd: folder.path,
    env: { ...process.env, LOG_LEVEL: "error" },
    stdout: "ignore",
    stderr: "pipe",
  })
  const output = await new Response(run.stderr).text()
  expect({ exitCode: await run.exited, output }).toMatchObject({ exitCode: 0 })
}, 30_000)

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), `parley-${basename(import.meta.file, ".ts")}-`))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
