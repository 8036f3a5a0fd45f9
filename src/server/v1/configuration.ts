/** `/v1/config`: read, replace, change and delete the stored configuration, and its versions. The next call uses a change. */

import { Hono } from "hono"
import { z } from "zod"
import { CONFIG_KEY } from "../../assets/asset-text.ts"
import type { Env, ServerContext } from "../context.ts"
import { jsonObject, jsonText } from "./asset-body.ts"
import { found, source, version, VERSION_PARAM, VersionList, versionView } from "./asset-schemas.ts"
import { named, operation, withExamples, type OperationError } from "../openapi/operation.ts"
import { requireUnbound } from "./unbound.ts"

const CONFIG = { kind: "config", key: CONFIG_KEY } as const

const AGENTS = { agents: { support: { context: "support", greeting: "Hello, this is Acme." } } }

const ConfigView = named(
  "Configuration",
  z.object({ version, source, config: z.record(z.string(), z.unknown()) }),
  { version: "db36a206f665", source: "api", config: AGENTS },
)

const ConfigVersion = withExamples(z.object({ version, config: z.record(z.string(), z.unknown()) }), {
  version: "db36a206f665",
  config: AGENTS,
})

const ConfigBody = withExamples(
  z
    .record(z.string(), z.unknown())
    .describe("ConversationRelay, AssetLoader, Server, agents, numbers: the content of serverConfig.json"),
  AGENTS,
)

const CHANGE_ERRORS: readonly OperationError[] = [409, 502]

export function configurationRoutes({ control, library }: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const view = () => {
    const { version: hash, source: layer } = found(library.find(CONFIG), CONFIG)
    return { version: hash, source: layer, config: library.config() }
  }

  app.get(
    "/v1/config",
    operation({
      id: "getConfiguration",
      tag: "Configuration",
      summary: "Read the configuration",
      responses: { 200: { description: "All layers merged", schema: ConfigView } },
    }),
    async (c) => {
      await control.assets.refresh()
      return c.json(view())
    },
  )

  app.put(
    "/v1/config",
    operation({
      id: "replaceConfiguration",
      tag: "Configuration",
      summary: "Replace the stored configuration",
      description: "The result is validated as a whole first. A configuration with an error changes nothing.",
      body: { schema: ConfigBody },
      responses: { 200: { description: "The configuration after the change", schema: ConfigView } },
      errors: CHANGE_ERRORS,
    }),
    requireUnbound,
    async (c) => {
      const text = await jsonText(c)
      jsonObject(text)
      await library.put([{ ...CONFIG, text }])
      return c.json(view())
    },
  )

  app.patch(
    "/v1/config",
    operation({
      id: "changeConfiguration",
      tag: "Configuration",
      summary: "Change single fields of the configuration; null removes a field",
      body: { schema: ConfigBody },
      responses: { 200: { description: "The configuration after the change", schema: ConfigView } },
      errors: CHANGE_ERRORS,
    }),
    requireUnbound,
    async (c) => {
      await library.patchConfig(jsonObject(await jsonText(c)))
      return c.json(view())
    },
  )

  app.delete(
    "/v1/config",
    operation({
      id: "deleteConfiguration",
      tag: "Configuration",
      summary: "Delete the stored configuration",
      description: "The configuration of the file is used again.",
      responses: { 200: { description: "The configuration after the change", schema: ConfigView } },
      errors: CHANGE_ERRORS,
    }),
    requireUnbound,
    async (c) => {
      await library.remove(CONFIG)
      return c.json(view())
    },
  )

  app.get(
    "/v1/config/versions",
    operation({
      id: "listConfigurationVersions",
      tag: "Configuration",
      summary: "List the versions of the configuration, newest first",
      responses: { 200: { description: "The versions", schema: VersionList } },
    }),
    async (c) => c.json({ versions: (await library.versions(CONFIG)).map(versionView) }),
  )

  app.get(
    "/v1/config/versions/:version",
    operation({
      id: "getConfigurationVersion",
      tag: "Configuration",
      summary: "Read one version of the configuration",
      params: { version: VERSION_PARAM },
      responses: { 200: { description: "The content of the version", schema: ConfigVersion } },
      errors: [404],
    }),
    async (c) => {
      const hash = c.req.param("version")
      return c.json({
        version: hash,
        config: jsonObject(found(await library.read(CONFIG, hash), CONFIG, hash)),
      })
    },
  )

  return app
}
