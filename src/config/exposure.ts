/** Who may use the API without a key. Pure. */

import type { Settings } from "./settings.ts"

type Exposure = Pick<Settings, "publicUrl" | "twilio" | "localApi">

const LOCAL_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * Whether others than programs on this machine may reach the server: it has a public address, or it acts for a Twilio
 * account. A proxy or TCP tunnel makes their requests look like local ones, so a local address proves nothing then.
 */
export function isExposed({ publicUrl, twilio }: Omit<Exposure, "localApi">): boolean {
  if (publicUrl !== undefined && !LOCAL_HOST.test(new URL(publicUrl).hostname)) return true
  const { accountSid, authTokens, apiKey } = twilio
  return accountSid !== undefined && (authTokens.length > 0 || apiKey !== undefined)
}

/** Whether direct requests from this machine are served without a key; `apiKeys` are those in force. */
export function servesLocalWithoutKey(settings: Exposure & Pick<Settings, "apiKeys">): boolean {
  return settings.localApi === "open" || (settings.apiKeys.length === 0 && !isExposed(settings))
}
