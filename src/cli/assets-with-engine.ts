/** A copy of an assets folder in which every agent uses another engine, for a trial that changes no file. */

import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { z } from "zod"
import type { Engine } from "../call/engine.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import { createProcessFolder } from "./process-folder.ts"

const CONFIG_FILE = "serverConfig.json"
const ServerConfig = z.looseObject({
  agents: z.record(z.string(), z.looseObject({ engine: z.string().optional() })).default({}),
})

/** The folder is deleted when disposed. Throws `AppError` INVALID_REQUEST for a `serverConfig.json` that cannot be read. */
export function assetsWithEngine(dir: string, engine: Engine): Disposable & { dir: string } {
  const config = readConfigOf(dir)
  const copy = createProcessFolder([tmpdir()])
  if (copy === undefined) throw new AppError("UNAVAILABLE", `The folder ${tmpdir()} cannot be written.`)
  if (existsSync(dir)) cpSync(dir, copy, { recursive: true })
  const agents = Object.entries({ default: {}, ...config.agents })
  const changed = Object.fromEntries(agents.map(([key, agent]) => [key, { ...agent, engine }]))
  writeFileSync(join(copy, CONFIG_FILE), JSON.stringify({ ...config, agents: changed }, null, 2))
  return { dir: copy, [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }) }
}

function readConfigOf(dir: string): z.output<typeof ServerConfig> {
  const path = join(dir, CONFIG_FILE)
  if (!existsSync(path)) return { agents: {} }
  try {
    return ServerConfig.parse(JSON.parse(readFileSync(path, "utf8")))
  } catch (error) {
    throw new AppError("INVALID_REQUEST", `${path} cannot be read: ${messageOf(error)}`)
  }
}
