import { Database } from "bun:sqlite"
import { afterAll, expect, test } from "bun:test"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { storedPrompt } from "../../src/audio/prompts.ts"
import { readWav } from "../../src/audio/wav.ts"
import { VERSION } from "../../src/version.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { Child } from "./child.ts"

const cwd = mkdtempSync(join(tmpdir(), "parley-program-"))
afterAll(() => rmSync(cwd, { recursive: true }))

async function run(args: readonly string[], env: Record<string, string> = {}) {
  await using child = new Child(args, { cwd, env })
  const code = await child.exited
  return { code, stdout: child.stdout, stderr: child.stderr }
}

test("help and version are printed with code 0", async () => {
  const help = await run(["--help"])
  expect(help.code).toBe(0)
  for (const command of ["serve", "demo", "call", "check", "migrate"])
    expect(help.stdout).toContain(`  ${command}`)
  expect(await run(["--version"])).toMatchObject({ code: 0, stdout: VERSION })
})

test.each([
  ["a command that is none", ["dance"]],
  ["an option that is none", ["serve", "--fast"]],
  ["a port that is none", ["serve", "--port", "70000"]],
  ["a speed that is none", ["demo", "--speed", "0"]],
  ["a speed that is too high", ["demo", "--speed", "20"]],
  ["an engine that is none", ["demo", "--engine", "steam"]],
])("%s is refused with code 1", async (_, args) => {
  const { code, stderr } = await run(args)
  expect(code).toBe(1)
  expect(stderr).toContain("parley --help")
})

test("check shows what is set, what is simulated and how to fix it", async () => {
  const { code, stdout } = await run(["check", "--env", "--offline"], {
    DATABASE_URL: ":memory:",
    OPEN_AI_KEY: "sk-very-secret-key",
  })
  expect(code).toBe(0)
  expect(stdout).toContain("✗ Twilio:")
  expect(stdout).toContain("✓ Model: OpenAI")
  expect(stdout).toContain("! OPEN_AI_KEY is read as OPENAI_API_KEY")
  expect(stdout).toContain("PORT = 3000")
  expect(stdout).toContain("OPENAI_API_KEY = (set, not shown)   (OPEN_AI_KEY)")
  expect(stdout).not.toContain("very-secret")
})

test("check --strict ends with 1 for warnings", async () => {
  expect((await run(["check", "--offline", "--strict"], { OPENAI_KEY: "x" })).code).toBe(1)
})

test("check ends with 1 when the server could not start", async () => {
  const { code, stdout } = await run(["check"], { DATABASE_URL: "file:/dev/null/x.db" })
  expect(code).toBe(1)
  expect(stdout).toContain("✗ Database:")
  expect(stdout).toContain("The server cannot start with this configuration.")
})

test("migrate brings a new database up to date, and a second time finds nothing to do", async () => {
  const env = { DATABASE_URL: `file:${join(cwd, "new", "x.db")}` }
  const first = await run(["migrate"], env)
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: "" })
  expect(first.stdout).toContain("applied ")
  expect((await run(["migrate"], env)).stdout).not.toContain("applied 2")
})

/** The next thing that the agent says in `parley call`. */
const said = (child: Child) => child.lines.next((line) => line.startsWith("agent> "))

test.each([
  ["hangs up by command", "/hangup"],
  ["ends the input", null],
])("a person at the terminal talks to the agent and %s", async (_, last) => {
  const database = `file:${join(cwd, `${last === null}.db`)}`
  await using child = new Child(["call", "--speed", "8"], { cwd, env: { DATABASE_URL: database } })
  expect(await said(child)).toStartWith("agent> Hello there!")
  await child.type("What are your opening hours?")
  expect(await said(child)).toContain("nine to six")
  await child.type("")
  await child.type("/help")
  await child.type("/press 12#")
  expect(await said(child)).toStartWith("agent> ")
  await child.type(last)
  expect(await child.exited).toBe(0)
  expect(child.stdout).toContain("The call has ended (completed). It is stored as CA")
  expect(child.stdout).not.toContain("Problem:")
  expect(child.stdout.split("Type what the caller says")).toHaveLength(3)
})

test("a piped call says its lines one after another, and ends politely after the last answer", async () => {
  await using child = new Child(["call", "--speed", "8"], { cwd, env: { DATABASE_URL: ":memory:" } })
  await child.type("What are your opening hours?")
  await child.type("/press abc")
  await child.type("/dance")
  await child.type("Please press 1 2 3 for me")
  await child.type(null)
  expect(await child.exited).toBe(0)
  const said = child.lines.all
    .filter((line) => /^(?:agent|caller)> /.test(line))
    .map((line) => line.slice(0, 20))
  expect(said).toEqual([
    expect.stringContaining("agent> Hello there!"),
    "caller> What are you",
    expect.stringContaining("agent> We are open"),
    "caller> Please press",
    "agent> (presses 123)",
    expect.stringMatching(/^agent> /),
  ])
  expect(child.stdout).toContain("(keys are 0 to 9, * and #, as in /press 123#)")
  expect(child.stdout).toContain("(there is no command /dance)")
  expect(child.stdout).toContain("[tool send-dtmf: ok, ")
  expect(child.stdout).toMatch(/\[first token after \d+ ms, answer said after \d+ ms\]/)
  expect(child.stdout).toContain("The call has ended (completed)")
}, 30_000)

test("a call whose model fails prints the cause and how to fix it", async () => {
  await using openai = new FakeOpenAi({
    script: () => ({ http: { status: 401, code: "invalid_api_key", message: "Incorrect API key provided" } }),
  })
  const env = { DATABASE_URL: ":memory:", OPENAI_API_KEY: "sk-wrong-key", OPENAI_BASE_URL: openai.baseUrl }
  await using child = new Child(["call", "--speed", "8"], { cwd, env })
  await child.type("Hello?")
  await child.type(null)
  expect(await child.exited).toBe(0)
  expect(child.stdout).toContain("  ! OpenAI refused the key (401). Check OPENAI_API_KEY.")
}, 30_000)

test("the demo plays a whole call without problems, with no key, no account and no network", async () => {
  const { code, stdout } = await run(["demo", "--speed", "8"])
  expect(stdout).toContain("cut off")
  expect(stdout).toContain("Tools that ran: send-dtmf, end-call")
  expect(stdout).not.toContain("Problem:")
  expect(code).toBe(0)
  // Speech takes its time, also eight times as fast as in life.
}, 30_000)

test("an unknown command is called by its name", async () => {
  const { code, stderr } = await run(["dance"])
  expect(code).toBe(1)
  expect(stderr).toContain("unknown command 'dance'")
})

test("the demo with audio is heard, recorded and kept", async () => {
  const record = join(cwd, "demo.wav")
  const args = ["demo", "--engine", "realtime", "--speed", "5", "--record", record]
  const { code, stdout, stderr } = await run(args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  // How far a sentence gets at this speed depends on how busy the machine is.
  expect(stdout).toMatch(/agent {3}Hello,/)
  expect(stdout).toContain("The stored transcript")
  const { sampleRateHz, samples } = readWav(await Bun.file(record).bytes())
  expect(sampleRateHz).toBe(8_000)
  expect(samples.some((sample) => Math.abs(sample) > 1_000)).toBe(true)
}, 20_000)

test("audio files are the caller of a realtime call, whatever engine the agents name", async () => {
  const env = {
    DATABASE_URL: `file:${join(cwd, "audio.db")}`,
    ASSETS_DIR: join(cwd, "audio-assets"),
  }
  const config = JSON.stringify({ agents: { default: { engine: "relay", greeting: "Good day." } } })
  await Bun.write(join(env.ASSETS_DIR, "serverConfig.json"), config)
  const wav = join(cwd, "caller.ulaw")
  await Bun.write(wav, storedPrompt("please-hold").audio)
  const { code, stdout, stderr } = await run(
    ["call", "--engine", "realtime", "--speed", "5", "--wav", wav],
    env,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  expect(stdout).toContain("caller  (caller.ulaw)")
  expect(stdout).toMatch(/agent {3}You said:/)
  expect(await Bun.file(join(env.ASSETS_DIR, "serverConfig.json")).text()).toBe(config)
}, 20_000)

test.each([
  ["audio without the engine for it", ["call", "--wav", "caller.wav"], "--engine realtime"],
  ["a recording of a demo without audio", ["demo", "--record", "demo.wav"], "--engine realtime or pipeline"],
  [
    "an audio file that is not there",
    ["call", "--engine", "realtime", "--wav", "none.wav"],
    "none.wav cannot be used",
  ],
  [
    "a file that is no audio",
    ["call", "--engine", "realtime", "--wav", import.meta.path],
    "cannot be used as audio: it is not a WAV file.",
  ],
])("%s is refused before the call", async (_, args, text) => {
  const { code, stderr } = await run(args, { DATABASE_URL: ":memory:" })
  expect(code).toBe(1)
  expect(stderr).toContain(text)
})

/** How the only call of a database ended. */
function recordIn(path: string) {
  using database = new Database(path, { readonly: true })
  return database.query("SELECT engine, status, ended_by, end_reason FROM calls").all()
}

const HUNG_UP = { status: "completed", ended_by: "caller", end_reason: "the caller hung up" }

test.each(["SIGINT", "SIGHUP", "SIGTERM"] as const)("%s ends a call and its record", async (signal) => {
  const path = join(cwd, `${signal}.db`)
  await using child = new Child(["call", "--speed", "8"], { cwd, env: { DATABASE_URL: `file:${path}` } })
  expect(await said(child)).toStartWith("agent> Hello there!")
  child.kill(signal)
  expect(await child.exited).toBe(0)
  expect(child.stderr).toBe("")
  expect(recordIn(path)).toEqual([{ engine: "relay", ...HUNG_UP }])
})

test.each([
  ["the last of its files", undefined],
  ["a signal", "SIGINT"],
] as const)("a call with audio ends with %s, and so does its record", async (_, signal) => {
  const path = join(cwd, `audio-${signal}.db`)
  const env = { DATABASE_URL: `file:${path}` }
  await using child = new Child(["call", "--engine", "realtime", "--speed", "8"], { cwd, env })
  await child.lines.next((line) => line.includes("speaks for"))
  if (signal) child.kill(signal)
  expect(await child.exited).toBe(0)
  expect(recordIn(path)).toEqual([{ engine: "realtime", ...HUNG_UP }])
})

test("files of variables that are Bun's have no effect, and those of Parley are read by its own rules", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-variables-"))
  try {
    const root = join(import.meta.dir, "../..")
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    expect(scripts.build).toContain("--no-compile-autoload-dotenv")
    copyFileSync(join(root, "bunfig.toml"), join(folder, "bunfig.toml"))
    writeFileSync(join(folder, ".env.local"), "WEBHOOK_URL=https://local.example\n")
    writeFileSync(join(folder, ".env.production"), "CALL_STARTS_PER_MINUTE=7\n")
    writeFileSync(join(folder, ".env"), "TRANSFER_TO='sip:a$HOME@b.example'\n")
    const env = { NODE_ENV: "production", DATABASE_URL: ":memory:", HOME: "/nobody" }
    await using child = new Child(["check", "--env", "--offline"], { cwd: folder, env })
    await child.exited
    expect(child.stdout).toContain("sip:a$HOME@b.example")
    expect(child.stdout).not.toContain("local.example")
    expect(child.stdout).not.toMatch(/CALL_STARTS_PER_MINUTE = 7/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
