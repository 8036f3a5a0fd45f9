/** The file of variables that belongs to NODE_ENV. The file `.env` needs no help: Bun reads it before the program starts. */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseEnv } from "node:util"

export type Variables = Readonly<Record<string, string | undefined>>

const FILES: Readonly<Record<string, string>> = {
  dev: ".env.dev",
  development: ".env.dev",
  prod: ".env.prod",
  production: ".env.prod",
}

/**
 * Adds the variables of `.env.dev` or `.env.prod`, as NODE_ENV says, in front of those of `.env`. What the process was
 * started with wins over both. A file that is not there is no fault.
 */
export function withEnvFile(env: Variables, dir: string): Variables {
  const name = FILES[env["NODE_ENV"]?.trim().toLowerCase() ?? ""]
  if (name === undefined) return env
  const common = read(join(dir, ".env"))
  // What has the value of `.env` came from there.
  const given = Object.entries(env).filter(([key, value]) => value !== undefined && value !== common[key])
  return { ...env, ...read(join(dir, name)), ...Object.fromEntries(given) }
}

function read(path: string): Variables {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {}
    throw error
  }
  return parseEnv(text)
}
