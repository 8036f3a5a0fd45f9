/** The assets inside the program: they apply where the folder of the user has no file of that key. */

import context from "./shipped/defaultContext.md" with { type: "text" }
import numberVerification from "./shipped/menus/numberVerification.json" with { type: "json" }
import receptionist from "./shipped/menus/receptionist.json" with { type: "json" }
import manifest from "./shipped/defaultToolManifest.json" with { type: "json" }
import serverConfig from "./shipped/serverConfig.json" with { type: "json" }

/** Files by name, as in a folder. */
export const EMBEDDED: Readonly<Record<string, string>> = {
  "defaultContext.md": context,
  "defaultToolManifest.json": `${JSON.stringify(manifest, null, 2)}\n`,
  "menus/numberVerification.json": `${JSON.stringify(numberVerification, null, 2)}\n`,
  "menus/receptionist.json": `${JSON.stringify(receptionist, null, 2)}\n`,
  "serverConfig.json": `${JSON.stringify(serverConfig, null, 2)}\n`,
}

/** The shipped configuration. */
export const SHIPPED_CONFIG: Readonly<Record<string, unknown>> = serverConfig

/** The greeting of an installation whose configuration sets none. */
export const SHIPPED_GREETING: string = serverConfig.ConversationRelay.Configuration.welcomeGreeting
