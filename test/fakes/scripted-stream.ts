/** The answer of a fake server that streams by script. */

export type Exchange = {
  /** `stalled`: nothing more comes until the client goes; `dropped`: the connection breaks. */
  ending: unknown
  /** How the exchange ended: the answer was sent whole (or broken off by its script), or the client went first. */
  closed: Promise<"finished" | "aborted">
  close: (how: "finished" | "aborted") => void
}

/** Sends the pieces as they come, and ends as the script says. */
export function scriptedStream(
  pieces: AsyncGenerator<string>,
  { ending, closed, close }: Exchange,
  headers: Record<string, string>,
): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream({
    async start(controller) {
      while (true) {
        // A script that waits must not keep an exchange open whose client has gone.
        const next = await Promise.race([pieces.next(), closed])
        if (typeof next === "string") return
        if (next.done) break
        controller.enqueue(encoder.encode(next.value))
      }
      if (ending === "stalled") return
      close("finished")
      // An error without a value breaks the connection and is not reported as one of the test's.
      if (ending === "dropped") controller.error(undefined)
      else controller.close()
    },
  })
  return new Response(body, { headers })
}
