/** The routes of an app whose parts are never used, for tests that read the description of the API. */

import { readConfig } from "../../src/config/config.ts"
import type { ServerContext } from "../../src/server/context.ts"
import { createHttp } from "../../src/server/http.ts"
import { requestPath } from "../../src/server/twilio/request-path.ts"

/** A part that answers every access with itself. */
const unused: unknown = new Proxy(() => {}, { get: () => unused, apply: () => unused })

export function allRoutes() {
  const parts = { control: unused, liveCalls: unused, library: unused, counts: unused, log: unused }
  const context = {
    ...parts,
    config: readConfig({ COMPAT: "off" }),
    pathOf: requestPath(undefined),
    startedAt: 0,
  }
  return createHttp(context as unknown as ServerContext).routes
}
