/** `parley serve` under a supervisor. */

import { createSocketFolder } from "./socket-folder.ts"
import { Supervisor } from "./supervisor.ts"

/** Resolves to the exit code; undefined where there is no place for sockets, and one process has to serve alone. */
export async function supervise(args: readonly string[]): Promise<number | undefined> {
  const folder = createSocketFolder()
  if (!folder) return undefined
  using _ = folder
  return await new Supervisor({ args, folder }).run()
}
