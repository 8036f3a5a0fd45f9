/** Fetches the text of one document: follows redirects, limits time and size, and notices a web page in place of a text. */

import { messageOf } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"

export type FetchDocument = {
  address: string
  /** Refuses addresses that must not be reached; follows no redirect. */
  fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Longest time for the whole document, in milliseconds. */
  timeoutMs: number
  /** Longest text, in characters. */
  maxCharacters: number
  sweep: Sweep
}

export type Fetched = { ok: true; text: string } | { ok: false; why: string }

/** Google answers with one redirect. */
const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Of UTF-8. */
const BYTES_PER_CHARACTER = 4

const IS_PAGE =
  "a web page came in place of a text: share the document with everyone who has the link, or name an address of a text"

/** Never rejects. */
export async function fetchDocument(options: FetchDocument): Promise<Fetched> {
  const { timeoutMs, sweep } = options
  const controller = new AbortController()
  const cancel = sweep.after(timeoutMs, () => controller.abort())
  try {
    return await follow(options, controller.signal)
  } catch (error) {
    if (controller.signal.aborted) return failed(`it did not arrive within ${timeoutMs} ms`)
    return failed(messageOf(error))
  } finally {
    cancel()
  }
}

async function follow(options: FetchDocument, signal: AbortSignal): Promise<Fetched> {
  const { fetch: send } = options
  let { address } = options
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await send(address, { headers: { accept: "text/plain, text/*;q=0.9" }, signal })
    if (!REDIRECTS.has(response.status)) return await readText(response, options)
    await response.body?.cancel()
    const next = URL.parse(response.headers.get("location") ?? "", address)
    if (!next) return failed("it was redirected to no address")
    if (next.hostname === "accounts.google.com") return failed(IS_PAGE)
    // Whoever answers must not lead this server to another service of this machine.
    if (next.protocol !== "https:" && next.origin !== new URL(options.address).origin)
      return failed("it was redirected to an address that does not begin with https://")
    if (isLocal(next) && !isLocal(new URL(options.address)))
      return failed("it was redirected to an address of this machine")
    address = next.href
  }
  return failed("it was redirected too often")
}

async function readText(response: Response, { maxCharacters }: FetchDocument): Promise<Fetched> {
  if (response.status !== 200) {
    await response.body?.cancel()
    return failed(`the server answered ${response.status}`)
  }
  const decoder = new TextDecoder()
  let text = ""
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength
    if (bytes > maxCharacters * BYTES_PER_CHARACTER)
      return failed(`it has more than ${maxCharacters} characters`)
    text += decoder.decode(piece, { stream: true })
  }
  text = (text + decoder.decode()).replace(/\r\n?/g, "\n").trim()
  if (text.length > maxCharacters) return failed(`it has more than ${maxCharacters} characters`)
  const isPage = /^text\/html\b/i.test(response.headers.get("content-type") ?? "")
  if (isPage || /^<(?:!doctype\s+html|html)\b/i.test(text)) return failed(IS_PAGE)
  return text === "" ? failed("it is empty") : { ok: true, text }
}

/** Also 127.0.0.0/8 in its IPv6 form: `[::ffff:7f00:1]`. */
function isLocal({ hostname }: URL): boolean {
  return /^(?:localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/.test(hostname)
}

function failed(why: string): Fetched {
  return { ok: false, why }
}
