/** The examples of the documentation are assets that this program takes. */

import { expect, test } from "bun:test"
import { join } from "node:path"
import { createAssets } from "../../src/assets/assets.ts"
import { getLog } from "../../src/lib/log.ts"
import { builtinTools } from "../../src/tools/registry.ts"

test("every example can be used as it is", async () => {
  using assets = await createAssets({
    dir: join(import.meta.dir, "../../docs/examples"),
    log: getLog("assets"),
    knownTools: [...builtinTools().keys()],
  })
  expect(assets.keys()).toEqual({
    agents: ["caller-assistant", "default"],
    contexts: [
      "MyContext",
      "callerAssistantContext",
      "customerServiceContext",
      "defaultContext",
      "salesContext",
      "technicalSupportContext",
    ],
    manifests: [
      "MyToolManifest",
      "adminTools",
      "customerServiceTools",
      "defaultToolManifest",
      "limitedTools",
      "managerTools",
      "salesTools",
      "sensorTools",
    ],
  })
})
