/** The fixed paths of media sockets in the earlier systems. A one-time token opens them. */

import type { Config } from "../../config/config.ts"

/** `token` undefined: it comes in the parameters of the `start` message. */
export type MediaSocketAlias = { token: string | undefined }

/** The system that each path belongs to. */
const FIXED: Readonly<Record<string, Config["compat"][number]>> = {
  "/": "s0",
  "/outbound-media-stream": "s3",
  "/call": "s4",
}

/** The media socket at a path without query; undefined when no enabled system has one there. */
export function mediaSocketAlias(path: string, compat: Config["compat"]): MediaSocketAlias | undefined {
  const token = /^\/media-stream\/([A-Za-z0-9_-]{1,128})\/?$/.exec(path)?.[1]
  if (token !== undefined) return compat.includes("s1") ? { token } : undefined
  const plain = path === "/" ? path : path.replace(/\/$/, "")
  const system = Object.hasOwn(FIXED, plain) ? FIXED[plain] : undefined
  return system !== undefined && compat.includes(system) ? { token: undefined } : undefined
}
