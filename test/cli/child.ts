/** The program as a process of its own, as an operator starts it. */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

const MAIN = join(import.meta.dir, "../../src/main.ts")

export type LogLine = { level: string; message: string; component?: string; url?: string }

export class Child implements AsyncDisposable {
  /** Lines of standard output. */
  readonly lines = new AwaitableLog<string>("the lines of the program")
  /** The exit code, once the process is gone and every line was read; null after a signal. */
  readonly exited: Promise<number | null>
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">
  readonly #complaints = new AwaitableLog<string>("the errors of the program")
  #stderr = ""

  /** Starts with these variables alone. `cwd`: a folder without an `.env`. */
  constructor(args: readonly string[], { env = {}, cwd }: { env?: Record<string, string>; cwd: string }) {
    this.#process = Bun.spawn([process.execPath, MAIN, ...args], {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", LOG_FORMAT: "json", ASSETS_DIR: "/nonexistent", ...env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    })
    this.exited = this.#read()
  }

  get stderr(): string {
    return this.#stderr
  }

  get stdout(): string {
    return this.lines.all.join("\n")
  }

  /** The next record of the log with this message. */
  async logged(message: string): Promise<LogLine> {
    const line = await this.lines.next((text) => text.includes(`"message":"${message}`))
    return JSON.parse(line)
  }

  /** Resolves when a line of standard error contains the text. */
  async complained(text: string): Promise<void> {
    await this.#complaints.next((line) => line.includes(text))
  }

  /** Where it listens, once it does. Rejects with what it said when it ends before. */
  async listening(): Promise<string> {
    const started = this.logged("Server is running on port").catch(async (error: unknown) => {
      await this.exited
      throw new Error(`the program did not start: ${this.#stderr}`, { cause: error })
    })
    return (await started).url ?? ""
  }

  /** Types a line, as a person at the terminal does; null ends the input. */
  async type(line: string | null): Promise<void> {
    const { stdin } = this.#process
    if (line === null) await stdin.end()
    else {
      await stdin.write(`${line}\n`)
      await stdin.flush()
    }
  }

  get pid(): number {
    return this.#process.pid
  }

  /** Process ids of the workers of a supervisor, the oldest first; none for a process that serves alone. */
  get workers(): number[] {
    const { pid } = this.#process
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number)
    } catch {
      return []
    }
  }

  /** The process id of the only worker. */
  get worker(): number {
    const [worker, ...others] = this.workers
    if (worker === undefined || others.length > 0) throw new Error(`${this.workers.length} workers run`)
    return worker
  }

  /** The unix socket of the only worker. */
  get socketPath(): string {
    const environment = readFileSync(`/proc/${this.worker}/environ`, "utf8").split("\0")
    const settings = environment.find((entry) => entry.startsWith("PARLEY_WORKER="))
    return JSON.parse(settings?.slice("PARLEY_WORKER=".length) ?? "{}").socketPath
  }

  kill(signal: "SIGKILL" | "SIGTERM" | "SIGINT" | "SIGHUP"): void {
    this.#process.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { workers } = this
    this.kill("SIGKILL")
    for (const worker of workers) process.kill(worker, "SIGKILL")
    await this.exited
  }

  async #read(): Promise<number | null> {
    await Promise.all([this.#readLines(), this.#readErrors()])
    await this.#process.exited
    this.lines.close(`the program has ended (${this.#process.exitCode ?? this.#process.signalCode})`)
    return this.#process.exitCode
  }

  async #readLines(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) this.lines.push(line)
    }
    if (rest !== "") this.lines.push(rest)
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of this.#process.stderr) {
      const text = decoder.decode(chunk, { stream: true })
      this.#stderr += text
      for (const line of text.split("\n")) this.#complaints.push(line)
    }
  }
}
