/** `npm run bench [name …]`: builds the program, measures, and prints tables in Markdown. Asserts nothing. */

import { cpus, loadavg, release } from "node:os"
import { firstToken } from "./first-token.ts"
import { handover } from "./handover.ts"
import { manyCalls } from "./many-calls.ts"
import { media } from "./media.ts"
import { ROOT } from "./parts/process.ts"
import { fixed, markdown, type Table } from "./parts/summary.ts"
import { menuStep } from "./menu-step.ts"
import { pipeline } from "./pipeline.ts"
import { startUp } from "./start-up.ts"

const BENCHES: Readonly<Record<string, () => Promise<Table[]>>> = {
  "start-up": startUp,
  "first-token": firstToken,
  "many-calls": manyCalls,
  media,
  handover,
  "menu-step": menuStep,
  pipeline,
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !Object.hasOwn(BENCHES, name))
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`)
  process.exit(2)
}

const build = Bun.spawnSync(["npm", "run", "--silent", "build"], {
  cwd: ROOT,
  stdout: "ignore",
  stderr: "pipe",
})
if (!build.success) {
  console.error(build.stderr.toString())
  process.exit(1)
}

const [cpu] = cpus()
console.log(`${new Date().toISOString()}, Bun ${Bun.version}, Linux ${release()}`)
console.log(
  `${cpus().length} × ${cpu?.model ?? "unknown processor"}, load ${loadavg()
    .map((load) => fixed(load, 2))
    .join(" ")}\n`,
)
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  for (const table of await bench()) console.log(markdown(table))
}
