/** `parley check`: what is configured, what is missing, how to fix it, and whether the assets are valid. */

import { accessSync, constants, existsSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { createAssets } from "../assets/assets.ts"
import { readPrices } from "../assets/prices.ts"
import type { Config } from "../config/config.ts"
import { CONFIG_TABLE } from "../config/variables.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { openStore } from "../store/open-store.ts"
import { builtinTools } from "../tools/registry.ts"
import { checkLine, diagnosticsOf, type Check } from "./diagnostics.ts"

/** Prints the checks. Resolves to the exit code: 1 when the server could not start. */
export async function check(config: Config, print: (line: string) => void): Promise<number> {
  const faults = [...(await assetChecks(config)), ...(await storeChecks(config))]
  const checks = [...diagnosticsOf(config), ...faults]
  for (const item of checks) print(checkLine(item))
  for (const warning of config.warnings) print(`! ${warning}`)
  const broken = faults.some(({ state }) => state === "missing")
  const simulated = checks.filter(({ state }) => state !== "ok").length
  print("")
  if (broken) print("The server cannot start with this configuration.")
  else if (simulated > 0)
    print(
      `The server can start; ${simulated} point${simulated > 1 ? "s are" : " is"} not ready for real calls.`,
    )
  else print("Ready for real calls.")
  return broken ? 1 : 0
}

/** Every variable, its default and its meaning, as a table. */
export function listVariables(print: (line: string) => void): void {
  print("")
  for (const { name, default: value, also, meaning } of CONFIG_TABLE) {
    print(`${name}${value === undefined || value === "" ? "" : ` = ${value}`}`)
    print(`    ${meaning}${also.length > 0 ? ` (also read as ${also.join(", ")})` : ""}`)
  }
}

async function assetChecks(config: Config): Promise<Check[]> {
  const about = "Assets"
  try {
    const assets = await createAssets({
      dir: config.assetsDir,
      log: getLog("assets"),
      knownTools: [...builtinTools().keys()],
    })
    const { agents, contexts, manifests } = assets.keys()
    assets.close()
    readPrices(config.assetsDir)
    const counts = [
      counted(agents, "agent"),
      counted(contexts, "context"),
      counted(manifests, "manifest"),
    ].join(", ")
    return [{ state: "ok", about, text: `${counts} (folder ${config.assetsDir}, with embedded defaults)` }]
  } catch (error) {
    return [{ state: "missing", about, text: messageOf(error), fix: "fix the file it names" }]
  }
}

function counted(keys: readonly string[], what: string): string {
  return `${keys.length} ${what}${keys.length === 1 ? "" : "s"}`
}

async function storeChecks(config: Config): Promise<Check[]> {
  const about = "Database"
  const path = config.databaseUrl.replace(/^file:(\/\/)?/, "")
  // The check changes nothing: the first start creates a missing database.
  if (path !== ":memory:" && !existsSync(path) && canHold(path)) {
    return [{ state: "ok", about, text: `${config.databaseUrl}, created at the first start` }]
  }
  try {
    await using store = await openStore({ url: config.databaseUrl })
    const { present } = store.migrations
    return [{ state: "ok", about, text: `${config.databaseUrl}, ${present.length} migrations` }]
  } catch (error) {
    return [
      {
        state: "missing",
        about,
        text: messageOf(error),
        fix: "set DATABASE_URL to a file that can be written",
      },
    ]
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
