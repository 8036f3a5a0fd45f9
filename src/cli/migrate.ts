/** `parley migrate`: brings the database up to date without serving. */

import type { Config } from "../config/config.ts"
import { openStore } from "../store/store.ts"

export function migrate(config: Config, print: (line: string) => void): number {
  using store = openStore({ url: config.databaseUrl })
  const { applied, present } = store.migrate()
  for (const name of applied) print(`applied ${name}`)
  print(
    `${config.databaseUrl} is up to date (${applied.length} applied, ${present.length - applied.length} already applied).`,
  )
  return 0
}
