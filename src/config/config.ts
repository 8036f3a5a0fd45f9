/** Configuration from environment variables: one schema, all faults at once. The only reader of the environment. */

import { closest } from "../lib/closest.ts"
import { requiredTogether, warningsFor, type Fault } from "./checks.ts"
import { startEnvironment } from "./environment.ts"
import { settingsFrom, type Settings } from "./settings.ts"
import { CONFIG_TABLE, Environment } from "./variables.ts"
import { envFileRemarks, withEnvFile, type FileRemark } from "./env-file.ts"
import { httpUrl } from "./text-fields.ts"
import { PARSED_ONCE } from "../lib/parsed-once.ts"

/** The variables that the process was started with, and those of `.env` and of the file that belongs to NODE_ENV. */
export const environment = withEnvFile(startEnvironment, process.cwd())

/** What deserves a warning in those files; names of variables and no values. */
export const environmentRemarks: readonly FileRemark[] = envFileRemarks(startEnvironment, process.cwd())

/** All settings, with defaults filled in. */
export type Config = Settings & {
  /** Settings that are allowed but deserve a warning in the log. */
  readonly warnings: readonly string[]
  /** Secrets that manifests refer to as `${NAME}`. */
  readonly toolSecrets: Readonly<Record<string, string>>
  /** Values that must never be logged or shown. */
  readonly secrets: readonly string[]
}

export class ConfigError extends Error {
  /** Names of the variables at fault. */
  readonly names: readonly string[]

  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ name, message }) => `  ${name}: ${message}`)
    super(`The configuration cannot be used:\n${lines.join("\n")}`)
    this.name = "ConfigError"
    this.names = faults.map(({ name }) => name)
  }
}

/**
 * Reads the configuration out of environment variables; an empty one counts as not set. Throws `ConfigError`, which
 * names every faulty variable and shows no value of a secret one.
 */
export function readConfig(
  env: Record<string, string | undefined>,
  remarks: readonly FileRemark[] = [],
): Config {
  const { values, otherNames, faults, warnings } = resolveNames(env)
  const parsed = Environment.safeParse(values, PARSED_ONCE)
  const wrong = (parsed.error?.issues ?? []).map(({ path, message }) => ({ name: String(path[0]), message }))
  const all = [...faults, ...wrong, ...requiredTogether(values, otherNames)]
  if (!parsed.success || all.length > 0) throw new ConfigError(all)

  const config = settingsFrom(parsed.data)
  const toolSecrets = { ...toolSecretsOf(env), ...customerApiOf(config) }
  const { twilio, openai, azure, flowise, deepgram, elevenlabs, webhook, customerApi, apiKeys } = config
  const keys = apiKeys.map(({ key }) => key)
  const secrets = [
    ...twilio.authTokens,
    ...twilio.sharedKeys,
    twilio.apiKey,
    twilio.apiSecret,
    openai.apiKey,
    azure.apiKey,
    flowise.apiKey,
    deepgram.apiKey,
    elevenlabs.apiKey,
    webhook.secret,
    customerApi.key,
    ...keys,
    ...Object.values(toolSecrets),
  ]
  return {
    ...config,
    toolSecrets,
    warnings: [...warnings, ...warningsFor(config), ...fileWarnings(remarks)],
    secrets: secrets.filter((value) => value !== undefined),
  }
}

const TOOL_SECRET = "TOOL_SECRET_"

/** Secrets that HTTP tools of manifests refer to: `TOOL_SECRET_CRM` is `${CRM}` there. */
function toolSecretsOf(env: Record<string, string | undefined>): Record<string, string> {
  const found = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(TOOL_SECRET) && value ? [[name.slice(TOOL_SECRET.length), value] as const] : [],
  )
  return Object.fromEntries(found)
}

/** The customer API is `${CUSTOMER_API_URL}` there, with `${CUSTOMER_API_KEY}`. */
function customerApiOf({ customerApi: { url, key } }: Settings): Record<string, string> {
  return {
    ...(url === undefined ? {} : { CUSTOMER_API_URL: url.replace(/\/+$/, "") }),
    ...(key === undefined ? {} : { CUSTOMER_API_KEY: key }),
  }
}

/** A variable with what is in force, as text for a person. */
export type VariableInForce = {
  name: string
  /** Empty: not set, and without a default. Secrets are not shown. */
  value: string
  /** The name under which it was found, or `default`; undefined: not set. */
  source: string | undefined
  also: readonly string[]
  meaning: string
}

/** Every variable, in the order of the documentation. */
export function variablesInForce(env: Record<string, string | undefined>): VariableInForce[] {
  return CONFIG_TABLE.map(({ name, default: fallback = "", also, secret, meaning }) => {
    const alias = [name, ...also].find((candidate) => env[candidate]?.trim())
    const given = alias === undefined ? "" : (env[alias]?.trim() ?? "")
    const value = alias === undefined ? fallback : secret ? "(set, not shown)" : withoutCredentials(given)
    const source = alias ?? (fallback === "" ? undefined : "default")
    return { name, value, source: source === name ? "set" : source, also, meaning }
  })
}

/** An address without its user, password and query. */
function withoutCredentials(text: string): string {
  return text.replace(/(?<=:\/\/)[^\s/@]+@/, "…@").replace(/(?<=:\/\/[^?]*)\?.*$/, "?…")
}

/** Finds the value of each variable under all its names. Two names must not have different values. */
function resolveNames(env: Record<string, string | undefined>) {
  const values: Record<string, string> = {}
  const otherNames: Record<string, string> = {}
  const faults: Fault[] = []
  const warnings: string[] = []
  for (const { name, also } of CONFIG_TABLE) {
    const found = [name, ...also].flatMap((alias) => {
      const value = env[alias]?.trim()
      if (!value) return []
      const meant = name === "PUBLIC_URL" ? (httpUrl.safeParse(value).data ?? value) : value
      return [{ alias, value, meant }]
    })
    const [first, ...others] = found
    if (!first) continue
    values[name] = first.value
    const other = others.find(({ meant }) => meant !== first.meant)
    if (other) {
      const message = `differs from ${other.alias}, which means the same; set one of them`
      faults.push({ name: first.alias, message })
    }
    if (first.alias === name) continue
    otherNames[name] = first.alias
    warnings.push(`${first.alias} is read as ${name}; better set ${name}`)
  }
  return { values, otherNames, faults, warnings: [...warnings, ...misspelled(env)] }
}

/** Of the variables that are read; others are those of other programs. */
function fileWarnings(remarks: readonly FileRemark[]): string[] {
  return remarks
    .filter(({ name }) => KNOWN_NAMES.includes(name) || name.startsWith(TOOL_SECRET))
    .map(({ file, line, name, text }) => `${name} ${text} (${file}:${line})`)
}

const KNOWN_NAMES = CONFIG_TABLE.flatMap(({ name, also }) => [name, ...also])
const MAX_MISSPELLED = 10

/** Variables that are not read and whose names are close to one that is not set. */
function misspelled(env: Record<string, string | undefined>): string[] {
  const isSet = (name: string) => Boolean(env[name]?.trim())
  const unset = CONFIG_TABLE.filter(({ name, also }) => ![name, ...also].some(isSet)).map(({ name }) => name)
  const unknown = Object.keys(env).filter(
    (name) => /^[A-Z][A-Z0-9_]{4,}$/.test(name) && !KNOWN_NAMES.includes(name) && isSet(name),
  )
  return unknown
    .flatMap((name) => {
      const meant = closest(name, unset, { most: 2 })
      return meant === undefined ? [] : [`${name} is not read; did you mean ${meant}?`]
    })
    .slice(0, MAX_MISSPELLED)
}
