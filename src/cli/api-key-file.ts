/** The API key that is generated for a server that others can reach and that has no `API_KEYS`. */

import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import type { Config } from "../config/config.ts"
import { databaseLocation } from "../config/database-location.ts"
import { isExposed } from "../config/exposure.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"

const FILE_NAME = "api-key"
/** 32 random bytes. */
const KEY = /^[A-Za-z0-9_-]{43}$/

export type GeneratedKey = { key: string; file: string; isNew: boolean }

/** The file of the generated key: beside the database. */
export function apiKeyFile({ databaseUrl }: Pick<Config, "databaseUrl">): string {
  const location = databaseLocation(databaseUrl)
  return join(location.kind === "file" ? dirname(location.path) : "./data", FILE_NAME)
}

/**
 * The configuration with the generated key, where one is needed: no `API_KEYS`, a public address or a Twilio account,
 * and not `LOCAL_API=open`. The key is made at the first start and read later. Throws `AppError` UNAVAILABLE for a file
 * that cannot be used.
 */
export function withGeneratedKey(config: Config): { config: Config; generated: GeneratedKey | undefined } {
  if (config.apiKeys.length > 0 || config.localApi === "open" || !isExposed(config)) {
    return { config, generated: undefined }
  }
  const generated = readOrCreate(apiKeyFile(config))
  const { key } = generated
  return {
    config: { ...config, apiKeys: [{ key, userId: null }], secrets: [...config.secrets, key] },
    generated,
  }
}

/**
 * The first of `API_KEYS`, or the generated key. Throws `AppError` NOT_CONFIGURED where the server needs no key, or has
 * not generated one yet.
 */
export function keyInForce(config: Config): string {
  const [configured] = config.apiKeys
  if (configured) return configured.key
  const file = apiKeyFile(config)
  if (existsSync(file)) return read(file)
  const why = isExposed(config)
    ? `No key was generated yet: ${file} is made at the first start of \`parley serve\`.`
    : "Programs on this machine need no key: neither PUBLIC_URL nor a Twilio account is set."
  throw new AppError("NOT_CONFIGURED", why)
}

function readOrCreate(file: string): GeneratedKey {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, `${key}\n`, { mode: 0o600 })
    try {
      // If two processes start at once, only one creates the file, and no process reads it half written.
      linkSync(draft, file)
    } finally {
      rmSync(draft, { force: true })
    }
    return { key, file, isNew: true }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw unusable(file, error)
  }
  return { key: read(file), file, isNew: false }
}

function read(file: string): string {
  let text: string
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      chmodSync(file, 0o600)
      getLog("server").warn("the file of the API key was readable by others, its mode is 600 now", { file })
    }
    text = readFileSync(file, "utf8").trim()
  } catch (error) {
    throw unusable(file, error)
  }
  if (KEY.test(text)) return text
  throw new AppError("UNAVAILABLE", `${file} holds no API key. Delete it to have a new one generated.`)
}

function unusable(file: string, error: unknown): AppError {
  const message = `The API key cannot be kept in ${file}: ${messageOf(error)}. Set API_KEYS, or make the folder writable.`
  return new AppError("UNAVAILABLE", message, { cause: error })
}
