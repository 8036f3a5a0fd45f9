/** The fixed addresses of media sockets that the earlier systems documented. What opens them is a one-time token. */

import type { Config } from "../../config/config.ts"

/** `token` undefined: it comes in the parameters of the `start` message. */
export type MediaSocketAlias = { token: string | undefined }

/** Of which system each address is. */
const FIXED: Readonly<Record<string, Config["compat"][number]>> = {
  "/": "s0",
  "/outbound-media-stream": "s3",
  "/call": "s4",
}

/** For the upgrade of a socket: undefined when the path, without its query, is no media socket of a system that is served. */
export function mediaSocketAlias(path: string, compat: Config["compat"]): MediaSocketAlias | undefined {
  const token = /^\/media-stream\/([A-Za-z0-9_-]{1,128})\/?$/.exec(path)?.[1]
  if (token !== undefined) return compat.includes("s1") ? { token } : undefined
  const plain = path === "/" ? path : path.replace(/\/$/, "")
  const system = Object.hasOwn(FIXED, plain) ? FIXED[plain] : undefined
  return system !== undefined && compat.includes(system) ? { token: undefined } : undefined
}
