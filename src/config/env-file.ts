/** The files of variables: `.env`, and the one that belongs to NODE_ENV, all read by one parser. */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseEnvFile, type EnvLine } from "./env-syntax.ts"

export type Variables = Readonly<Record<string, string | undefined>>

/** A variable of a file that was read in another way than it may have been meant. */
export type FileRemark = { file: string; name: string; line: number; text: string }

const FILES: Readonly<Record<string, string>> = {
  dev: ".env.dev",
  development: ".env.dev",
  prod: ".env.prod",
  production: ".env.prod",
}

/**
 * Adds the variables of `.env`, and of `.env.dev` or `.env.prod` as NODE_ENV says, which override those of `.env`. The
 * environment of the process overrides both. A missing file is not an error.
 */
export function withEnvFile(env: Variables, dir: string): Variables {
  const common = read(join(dir, ".env"))
  const given = Object.entries(env).filter(
    ([name, value]) =>
      value !== undefined &&
      !cameFromFile(
        value,
        common.find((line) => line.name === name),
        env,
      ),
  )
  const special = fileFor(env)
  return {
    ...env,
    ...valuesOf(common),
    ...(special === undefined ? {} : valuesOf(read(join(dir, special)))),
    ...Object.fromEntries(given),
  }
}

/** Remarks on the variables that files contribute, without their values. */
export function envFileRemarks(env: Variables, dir: string): FileRemark[] {
  const special = fileFor(env)
  const used = withEnvFile(env, dir)
  return [".env", ...(special === undefined ? [] : [special])].flatMap((file) =>
    read(join(dir, file))
      .filter(({ name, value }) => used[name] === value)
      .flatMap(({ name, line, remarks }) => remarks.map((text) => ({ file, name, line, text }))),
  )
}

function fileFor(env: Variables): string | undefined {
  return FILES[env["NODE_ENV"]?.trim().toLowerCase() ?? ""]
}

/**
 * Bun has put `.env` into the environment before the program starts, with `$NAME` expanded, also in single quotes, and cut
 * at every `#`. A variable with that value came from the file.
 */
function cameFromFile(value: string, line: EnvLine | undefined, env: Variables): boolean {
  if (line === undefined) return false
  return [line.value, line.value.replace(/\s*#.*$/s, "")].some((text) => {
    const expanded = text.replaceAll(
      /\\?\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g,
      (both, braced?: string, bare?: string) =>
        both.startsWith("\\") ? both.slice(1) : (env[braced ?? bare ?? ""] ?? ""),
    )
    return value === text || value === expanded
  })
}

function valuesOf(lines: readonly EnvLine[]): Record<string, string> {
  return Object.fromEntries(lines.map(({ name, value }) => [name, value]))
}

function read(path: string): EnvLine[] {
  try {
    return parseEnvFile(readFileSync(path, "utf8"))
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return []
    throw error
  }
}
