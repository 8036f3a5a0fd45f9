/** From the start of the process to the first answer on /health: from source, as a binary, and the floor of the stack. */

import { join } from "node:path"
import { BINARY, ROOT, SOURCE, start, temporaryFolder, type Program, type Usage } from "./parts/process.ts"
import { fixed, median, type Table } from "./parts/summary.ts"

const RUNS = 15
/** From the first answer to the look at memory. */
const IDLE_MS = 300

type Variant = { program: Program; database: "fresh" | "present" | "none"; env?: Record<string, string> }
type Run = { startedInMs: number; usage: Usage }

const BARE_SOURCE: Program = {
  name: "bare Hono app, source",
  command: [process.execPath, join(ROOT, "bench/bare-app.ts")],
}

/** The variants take turns, so that a busy moment of the machine hits all of them. */
export async function startUp(): Promise<Table[]> {
  using kept = temporaryFolder()
  const bareBinary = compileBareApp(kept.path)
  // With the limit set beforehand the program has no reason to replace its process by itself once.
  const noReplacement = { BUN_CONFIG_MAX_HTTP_REQUESTS: "8192", MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "10000" }
  const variants: Variant[] = [
    { program: SOURCE, database: "fresh" },
    { program: SOURCE, database: "present" },
    { program: BINARY, database: "fresh" },
    { program: BINARY, database: "present" },
    {
      program: { ...BINARY, name: "binary under its supervisor (memory: the supervisor's)" },
      database: "present",
      env: { SUPERVISOR: "on" },
    },
    { program: { ...BINARY, name: "binary, settings of Bun set" }, database: "present", env: noReplacement },
    { program: BARE_SOURCE, database: "none" },
    { program: bareBinary, database: "none" },
  ]
  const runs = new Map<Variant, Run[]>(variants.map((variant) => [variant, []]))
  // The first round only fills the caches of the disk and makes the database that is present later.
  for (let round = 0; round <= RUNS; round++) {
    for (const [variant, done] of runs) {
      const run = await runOnce(variant, kept.path)
      if (round > 0) done.push(run)
    }
  }
  return [
    {
      title: `Start-up: process start to the first 200, ${RUNS} runs`,
      head: ["program", "database", "min ms", "median ms", "max ms", "idle RSS MiB", "of it anonymous"],
      rows: [...runs].map(([{ program, database }, done]) => row(program.name, database, done)),
    },
  ]
}

async function runOnce({ program, database, env = {} }: Variant, keptFolder: string): Promise<Run> {
  using fresh = temporaryFolder()
  const folder = database === "present" ? keptFolder : fresh.path
  await using running = await start({ program, folder, env })
  await Bun.sleep(IDLE_MS)
  return { startedInMs: running.startedInMs, usage: running.usage() }
}

function row(name: string, database: string, runs: readonly Run[]): string[] {
  const times = runs.map(({ startedInMs }) => startedInMs)
  const rss = median(runs.map(({ usage }) => usage.rssMiB))
  const anonymous = median(runs.map(({ usage }) => usage.anonymousMiB))
  const [min, middle, max] = [Math.min(...times), median(times), Math.max(...times)]
  return [name, database, fixed(min), fixed(middle), fixed(max), fixed(rss), fixed(anonymous)]
}

/** With the flags of `npm run build`. */
function compileBareApp(folder: string): Program {
  const binary = join(folder, "bare-app")
  const flags = [
    "--compile",
    "--minify",
    "--keep-names",
    "--bytecode",
    "--format=esm",
    "--no-compile-autoload-bunfig",
  ]
  const source = join(ROOT, "bench/bare-app.ts")
  const built = Bun.spawnSync([process.execPath, "build", source, ...flags, "--outfile", binary], {
    stderr: "pipe",
  })
  if (!built.success) throw new Error(`the bare app cannot be built: ${built.stderr.toString()}`)
  return { name: "bare Hono app, binary", command: [binary] }
}
