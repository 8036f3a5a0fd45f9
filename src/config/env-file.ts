/** The file of variables that belongs to NODE_ENV. Bun itself reads `.env` before the program starts. */

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
 * Adds the variables of `.env.dev` or `.env.prod`, as NODE_ENV says, which override those of `.env`. The environment of the
 * process overrides both. A missing file is not an error.
 */
export function withEnvFile(env: Variables, dir: string): Variables {
  const name = FILES[env["NODE_ENV"]?.trim().toLowerCase() ?? ""]
  if (name === undefined) return env
  const common = read(join(dir, ".env"))
  // A variable with the value of `.env` came from that file.
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
