/** `parley migrate`: brings the database up to date without serving. */

import type { Config } from "../config/config.ts"
import { openStore } from "../store/open-store.ts"

export async function migrate(config: Config, print: (line: string) => void): Promise<number> {
  await using store = await openStore({ url: config.databaseUrl })
  const { applied, present } = store.migrations
  for (const name of applied) print(`applied ${name}`)
  print(
    `${config.databaseUrl} is up to date (${applied.length} applied, ${present.length - applied.length} already applied).`,
  )
  return 0
}
