/** Checks of agents and their files: what is faulty, ignored, hidden, or needs a setting that is missing. */

import { existsSync } from "node:fs"
import { extname } from "node:path"
import { createAssets, type LiveAssets } from "../assets/assets.ts"
import { ignoredIn } from "../assets/files.ts"
import { readPrices } from "../assets/prices.ts"
import { AVAILABLE_ENGINES } from "../call/engine.ts"
import { requiredPlaceholders } from "../call/placeholders.ts"
import { documentSettings } from "../providers.ts"
import type { Config } from "../config/config.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import type { Store } from "../store/store.ts"
import { secretVariables } from "../tools/http-tool.ts"
import { builtinTools } from "../tools/registry.ts"
import type { Check } from "./diagnostics.ts"

const ABOUT = "Assets"

/** The assets as the server would use them; or why they cannot be used. `store`: undefined where there is no database yet. */
export async function openAssets(config: Config, store: Store | undefined): Promise<LiveAssets | Check> {
  try {
    const assets = await createAssets({
      dir: config.assetsDir,
      log: getLog("assets"),
      knownTools: [...builtinTools().keys()],
      engines: AVAILABLE_ENGINES,
      ...(store ? { repository: store.assets } : {}),
      documents: { settings: documentSettings(config), repository: store?.documents },
    })
    readPrices(config.assetsDir)
    return assets
  } catch (error) {
    return { state: "missing", about: ABOUT, text: messageOf(error), fix: "fix the file it names" }
  }
}

export function assetChecks(config: Config, assets: LiveAssets): Check[] {
  const { assetsDir } = config
  const { agents, contexts, manifests } = assets.keys()
  const counts = [
    counted(agents, "agent"),
    counted(contexts, "context"),
    counted(manifests, "manifest"),
    counted(assets.menuKeys(), "menu"),
  ]
  const warning = (text: string, fix?: string): Check => ({
    state: "warning",
    about: ABOUT,
    text,
    ...(fix === undefined ? {} : { fix }),
  })
  return [
    {
      state: "ok",
      about: ABOUT,
      text: `${counts.join(", ")} (folder ${assetsDir}, with embedded defaults)`,
    },
    ...(existsSync(assetsDir)
      ? ignoredIn(assetsDir).map((name) => warning(`${name} in ${assetsDir} is ignored`, hintFor(name)))
      : [warning(`the folder ${assetsDir} does not exist`, "create it, or set ASSETS_DIR")]),
    ...assets.warnings().map((text) => warning(text)),
    ...assets
      .hidden()
      .map((text) => warning(text, "change it through the API, or delete it there to use the file")),
    ...missingSecrets(config, assets).map(({ tool, manifest, name }) =>
      warning(`the tool ${tool} of the manifest ${manifest} needs ${name}, which is not set`, `set ${name}`),
    ),
    ...openPlaceholders(assets).map(({ agent, names }) =>
      warning(
        `the agent ${agent} uses ${names.map((name) => `{${name}}`).join(", ")} without a default: incoming calls have no such parameter`,
        `write {${names[0]}|default}, or add it to the parameters of the configuration`,
      ),
    ),
  ]
}

function hintFor(name: string): string {
  if (name.endsWith("/")) return "subfolders are not read; move its files up"
  if (extname(name) === ".json") return "a manifest has `manifest` or `tool` in its name"
  return "a context ends in .md"
}

function counted(keys: readonly string[], what: string): string {
  return `${keys.length} ${what}${keys.length === 1 ? "" : "s"}`
}

function missingSecrets({ toolSecrets }: Config, assets: LiveAssets) {
  return assets
    .keys()
    .manifests.flatMap((manifest) =>
      assets
        .agentFor({ manifestKey: manifest })
        .manifest.tools.flatMap(({ name: tool, http }) =>
          (http ? secretVariables(http) : [])
            .filter((name) => toolSecrets[name.replace("TOOL_SECRET_", "")] === undefined)
            .map((name) => ({ tool, manifest, name })),
        ),
    )
}

/** Placeholders that an incoming call leaves as they are: the model reads, or the caller hears, the braces. */
function openPlaceholders(assets: LiveAssets): { agent: string; names: string[] }[] {
  return assets.keys().agents.flatMap((key) => {
    const { greeting, context, relay } = assets.agentFor({ agent: key })
    const names = requiredPlaceholders(`${greeting}\n${context.text}`)
    const open = names.filter((name) => !Object.hasOwn(relay.parameters, name))
    return open.length > 0 ? [{ agent: key, names: open }] : []
  })
}
