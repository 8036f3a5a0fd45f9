/** Address and headers of Deepgram's sockets. Source: Deepgram "Authentication". */

import { socketUrl, type SocketTarget } from "../../lib/client-socket.ts"

/** `baseUrl`: as in `https://api.deepgram.com`, or of a regional host. */
export type DeepgramAccount = { baseUrl: string; apiKey: string }

/** Values of a query; an array repeats the parameter, undefined leaves it out. */
export type DeepgramQuery = Record<string, string | number | boolean | readonly string[] | undefined>

/** Telephone audio: raw mu-law, 8 kHz. */
export const PHONE_AUDIO = { encoding: "mulaw", sample_rate: 8_000 } as const

export function deepgramAddress(
  { baseUrl, apiKey }: DeepgramAccount,
  path: string,
  query: DeepgramQuery,
): SocketTarget {
  const url = socketUrl(baseUrl, path)
  for (const [name, value] of Object.entries(query)) {
    const values = value === undefined ? [] : Array.isArray(value) ? value : [value]
    for (const each of values) url.searchParams.append(name, String(each))
  }
  return { url: url.href, headers: { Authorization: `Token ${apiKey}` } }
}
