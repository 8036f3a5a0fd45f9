/** Reads the frames of Twilio's sockets, each of which names its kind in one field. */

import { z } from "zod"

export type ParsedFrame<Frame> = { ok: true; frame: Frame } | { ok: false; reason: string }

/** A frame of a kind that this program does not know; `name` is the kind, at most 64 characters. */
type UnknownFrame = { type: "unknown"; name: string }

/**
 * A reader of the frames of one socket. It never throws, and a `reason` holds no part of the text.
 *
 * `kindIn`: the field with the kind. `kinds`: the codec of each. `faultsOf`: what is wrong with a frame, without its
 * values.
 */
export function frameReader<Frame>({
  kindIn,
  kinds,
  faultsOf,
}: {
  kindIn: "type" | "event"
  kinds: Record<string, z.ZodType<Frame>>
  faultsOf: (error: z.ZodError) => string
}): (text: string) => ParsedFrame<Frame | UnknownFrame> {
  const Head = z.object({ [kindIn]: z.string().min(1) })
  return (text) => {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return { ok: false, reason: "not JSON" }
    }
    const head = Head.safeParse(json)
    if (!head.success)
      return { ok: false, reason: `not an object with ${kindIn === "type" ? "a" : "an"} ${kindIn}` }
    const kind = String(head.data[kindIn])
    const codec = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (!codec) return { ok: true, frame: { type: "unknown", name: kind.slice(0, 64) } }
    const parsed = codec.safeParse(json)
    if (parsed.success) return { ok: true, frame: parsed.data }
    return { ok: false, reason: `${kind}: ${faultsOf(parsed.error)}` }
  }
}
