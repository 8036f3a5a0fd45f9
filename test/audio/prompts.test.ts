/** The stored sentences: all there, of the right kind, small, and carried inside a compiled program. */

import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { decodeMulaw } from "../../src/audio/mulaw.ts"
import { storedPrompt, PROMPT_NAMES } from "../../src/audio/prompts.ts"

const FOLDER = resolve(import.meta.dir, "../../src/audio/prompts")

test("every file in the folder has its name, and its words stand in the README", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".ulaw"))
  expect(files.toSorted()).toEqual(PROMPT_NAMES.map((name) => `${name}.ulaw`).toSorted())
  const readme = readFileSync(join(FOLDER, "README.md"), "utf8").replaceAll(/ +/g, " ")
  expect(
    PROMPT_NAMES.filter((name) => !readme.includes(`| \`${name}.ulaw\` | ${storedPrompt(name).text} |`)),
  ).toEqual([])
})

test.each(PROMPT_NAMES)("%s is speech in mu-law that ends in silence", (name) => {
  const { audio, base64 } = storedPrompt(name)
  const samples = decodeMulaw(audio)
  const loudest = Math.max(...samples)
  expect([audio.length > 4_000, loudest > 8_000, Math.abs(samples.at(-1) ?? 99) <= 8]).toEqual([
    true,
    true,
    true,
  ])
  expect(Buffer.from(base64, "base64").equals(audio)).toBe(true)
})

test("all of them are below 400 KB, and the story is about ten seconds long", () => {
  const total = PROMPT_NAMES.reduce((sum, name) => sum + storedPrompt(name).audio.length, 0)
  expect(total).toBeLessThan(400_000)
  expect(Math.round(storedPrompt("long-story").audio.length / 8_000)).toBe(11)
})

test("a prompt is read once", () => {
  expect(storedPrompt("goodbye")).toBe(storedPrompt("goodbye"))
})

test("a compiled program carries them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-prompts-"))
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
  const source = join(folder, "main.ts")
  const from = JSON.stringify(resolve(import.meta.dir, "../../src/audio/prompts.ts"))
  await Bun.write(
    source,
    `import { storedPrompt, PROMPT_NAMES } from ${from}\nconsole.log(PROMPT_NAMES.map((n) => storedPrompt(n).audio.length).join())\n`,
  )
  const flags = ["--compile", "--minify", "--keep-names", "--bytecode", "--format=esm"]
  const build = Bun.spawn([process.execPath, "build", source, ...flags, "--outfile", "main"], {
    cwd: folder,
    stdout: "ignore",
    stderr: "pipe",
  })
  expect({ exited: await build.exited, stderr: await build.stderr.text() }).toEqual({
    exited: 0,
    stderr: expect.any(String),
  })
  await rm(source)
  const run = Bun.spawn([join(folder, "main")], { cwd: folder, stdout: "pipe" })
  expect((await run.stdout.text()).trim()).toBe(
    PROMPT_NAMES.map((name) => storedPrompt(name).audio.length).join(),
  )
}, 30_000)
