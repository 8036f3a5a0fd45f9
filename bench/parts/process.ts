/** Programs under measurement as processes of their own: started in an empty folder, watched through /proc, ended. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { wallMs } from "./wall-clock.ts"

export const ROOT = join(import.meta.dir, "..", "..")

export type Program = { name: string; command: readonly string[] }

export const SOURCE: Program = {
  name: "bun src/main.ts",
  command: [process.execPath, join(ROOT, "src/main.ts"), "serve"],
}
export const BINARY: Program = { name: "binary", command: [join(ROOT, "dist/parley"), "serve"] }

export type StartOptions = {
  program: Program
  /** Current folder of the program: its database is there. */
  folder: string
  env?: Readonly<Record<string, string>>
}

/** Processor time in milliseconds since the start; memory in MiB, `anonymous` being what no file backs. */
export type Usage = { cpuMs: number; rssMiB: number; anonymousMiB: number }

export type Running = AsyncDisposable & {
  url: string
  pid: number
  /** From before the process was made to the first answer with status 200. */
  startedInMs: number
  usage(): Usage
}

const START_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 3_000
/** Of Linux on every common platform: the unit of times in /proc is 10 ms. */
const TICK_MS = 10

/** Processor time that the whole machine has spent on anything, in milliseconds. */
export function machineBusyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}

/** A folder that is gone after its block. */
export function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "parley-bench-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Throws when the program ends or does not work in time. Of this environment only PATH reaches it. */
export async function start({ program, folder, env = {} }: StartOptions): Promise<Running> {
  const port = freePort()
  const began = wallMs()
  const child = Bun.spawn([...program.command], {
    cwd: folder,
    // One process, so that processor time and memory are those of the server.
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      SUPERVISOR: "off",
      ...env,
      PORT: String(port),
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const answer = await answerOf(`${url}/health`)
    if (answer === "200") break
    if (child.exitCode !== null) throw new Error(`${program.name} ended with ${child.exitCode}`)
    if (wallMs() - began > START_TIMEOUT_MS) {
      child.kill("SIGKILL")
      throw new Error(`${program.name} does not work: ${answer}`)
    }
    await Bun.sleep(1)
  }
  const startedInMs = wallMs() - began
  return {
    url,
    pid: child.pid,
    startedInMs,
    usage: () => usageOf(child.pid),
    async [Symbol.asyncDispose]() {
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS)
      child.kill("SIGTERM")
      await child.exited
      clearTimeout(timer)
    },
  }
}

/** The status, or why there is none. */
async function answerOf(url: string): Promise<string> {
  try {
    return String((await fetch(url, { keepalive: false })).status)
  } catch (error) {
    return String(error)
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}

/** The worker of a supervisor. */
export function workerOf(pid: number): number {
  const [worker, ...others] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
  if (worker === undefined || others.length > 0) throw new Error(`${pid} has ${others.length} other workers`)
  return Number(worker)
}

function usageOf(pid: number): Usage {
  // The name of the program stands in parentheses and may contain anything.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssMiB: mib("VmRSS"),
    anonymousMiB: mib("RssAnon"),
  }
}
