/** The assets that are carried inside the program: what holds where the folder of the user says nothing. */

import context from "../../assets/defaultContext.md" with { type: "text" }
import manifest from "../../assets/defaultToolManifest.json" with { type: "json" }
import serverConfig from "../../assets/serverConfig.json" with { type: "json" }

/** Files by name, as they would stand in a folder. */
export const EMBEDDED: Readonly<Record<string, string>> = {
  "defaultContext.md": context,
  "defaultToolManifest.json": `${JSON.stringify(manifest, null, 2)}\n`,
  "serverConfig.json": `${JSON.stringify(serverConfig, null, 2)}\n`,
}
