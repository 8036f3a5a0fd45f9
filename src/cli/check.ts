/** `parley check`: what is configured, what is missing, how to fix it, and whether assets and services can be used. */

import { accessSync, constants, existsSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import type { LiveAssets } from "../assets/assets.ts"
import { databaseLocation } from "../config/database-location.ts"
import type { Config, VariableInForce } from "../config/config.ts"
import { agentWarnings } from "../control/agent-warnings.ts"
import { createOwnNumbers } from "../control/own-numbers.ts"
import { systemClock } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { Sweep } from "../lib/sweep.ts"
import { twilioOf } from "../providers.ts"
import { openStore } from "../store/open-store.ts"
import type { Store } from "../store/store.ts"
import { assetChecks, openAssets } from "./asset-checks.ts"
import { documentChecks } from "./document-checks.ts"
import { checkLine, diagnosticsOf, type Check } from "./diagnostics.ts"
import { modelChecks, publicUrlChecks, twilioChecks } from "./online-checks.ts"

export type CheckOptions = {
  print: (line: string) => void
  /** Asks no service. */
  offline: boolean
  /** Whether warnings and what is simulated or missing make the exit code 1. */
  strict: boolean
}

/** Prints the checks. Resolves to the exit code: 1 when the server could not start. */
export async function check(config: Config, { print, offline, strict }: CheckOptions): Promise<number> {
  const database = await storeCheck(config)
  await using store = database.state === "ok" ? await openExisting(config) : undefined
  const assets = await openAssets(config, store)
  const isUsable = !("state" in assets)
  const files = isUsable ? assetChecks(config, assets) : [assets]
  const online = offline ? [] : await onlineChecks(config, isUsable ? assets : undefined)
  const refused = isUsable ? await refusedSettings(config, assets, offline) : []
  if (isUsable) assets.close()
  const warnings = config.warnings.map((text): Check => ({ state: "warning", about: "", text }))
  const documents = await documentChecks(store, systemClock.now())
  const found = [...files, ...documents, ...refused]
  const checks = [...merged(diagnosticsOf(config), online), ...found, database, ...warnings]
  for (const item of checks) print(checkLine(item))
  printWebhooks(config, print)
  print("")
  const broken = [...files, database].some(({ state }) => state === "missing")
  print(conclusion({ checks, broken, offline }))
  return broken || (strict && checks.some(({ state }) => state !== "ok")) ? 1 : 0
}

/** Every variable: its value, where it differs from the default, and its meaning. Secrets are not shown. */
export function listVariables(variables: readonly VariableInForce[], print: (line: string) => void): void {
  print("")
  for (const { name, value, source, also, meaning } of variables) {
    print(`${name}${value === "" ? "" : ` = ${value}`}${source === undefined ? "" : `   (${source})`}`)
    print(`    ${meaning}${also.length > 0 ? ` (also read as ${also.join(", ")})` : ""}`)
  }
}

async function onlineChecks(config: Config, assets: LiveAssets | undefined): Promise<Check[]> {
  const { publicUrl } = config
  const context = assets && { twilio: twilioOf(config), publicUrl, assets, library: assets.library }
  const found = await Promise.all([
    modelChecks(config),
    publicUrlChecks(config),
    ...(context ? [twilioChecks(config, context)] : []),
  ])
  return found.flat()
}

/** What agents ask for and the rules of this server refuse. */
async function refusedSettings(config: Config, assets: LiveAssets, offline: boolean): Promise<Check[]> {
  using sweep = new Sweep()
  const twilio = offline ? undefined : twilioOf(config)
  const ownNumbers = createOwnNumbers({ twilio, sweep, log: getLog("control") })
  const found = await agentWarnings({ config, ownNumbers }, assets)
  return found.map((text) => ({ state: "warning", about: "Agents", text }))
}

/** What a service answered in place of what its settings alone suggest. */
function merged(settings: readonly Check[], online: readonly Check[]): Check[] {
  const answered = new Set(online.map(({ about }) => about))
  return [...settings.filter(({ about, state }) => state !== "ok" || !answered.has(about)), ...online]
}

function printWebhooks({ publicUrl }: Config, print: (line: string) => void): void {
  if (publicUrl === undefined) return
  print("")
  print("`parley numbers point <number>` sets these addresses of a number at Twilio, both HTTP POST:")
  print(`  A call comes in      ${publicUrl}/twilio/voice`)
  print(`  Call status changes  ${publicUrl}/twilio/status`)
}

type Result = { checks: readonly Check[]; broken: boolean; offline: boolean }

function conclusion({ checks, broken, offline }: Result): string {
  const count = (...states: Check["state"][]) => checks.filter(({ state }) => states.includes(state)).length
  const [unready, warnings] = [count("simulated", "missing"), count("warning")]
  const also = warnings === 0 ? "" : ` (${warnings} warning${warnings > 1 ? "s" : ""})`
  if (broken) return "The server cannot start with this configuration."
  if (unready > 0)
    return `The server can start; ${unready} point${unready > 1 ? "s are" : " is"} not ready for real calls${also}.`
  if (offline) return `Nothing is missing${also}. No service was asked (--offline).`
  return `Ready for real calls.${also}`
}

/** A database that is there; a missing one is created by the first start. */
async function openExisting({ databaseUrl }: Config): Promise<Store | undefined> {
  const location = databaseLocation(databaseUrl)
  if (location.kind !== "file" || !existsSync(location.path)) return undefined
  return await openStore({ url: databaseUrl })
}

async function storeCheck(config: Config): Promise<Check> {
  const about = "Database"
  const location = databaseLocation(config.databaseUrl)
  // The check changes nothing: the first start creates a missing database.
  if (location.kind === "file" && !existsSync(location.path) && canHold(location.path)) {
    return { state: "ok", about, text: `${config.databaseUrl}, created at the first start` }
  }
  try {
    await using store = await openStore({ url: config.databaseUrl })
    const { present } = store.migrations
    return { state: "ok", about, text: `${config.databaseUrl}, ${present.length} migrations` }
  } catch (error) {
    return { state: "missing", about, text: messageOf(error) }
  }
}

/** Whether a file can be created at this path: its nearest existing folder is writable. */
function canHold(path: string): boolean {
  let folder = dirname(resolve(path))
  while (!existsSync(folder)) folder = dirname(folder)
  try {
    accessSync(folder, constants.W_OK)
    return statSync(folder).isDirectory()
  } catch {
    return false
  }
}
