/** What every `Transcriber` promises, whatever vendor is behind it. Each one runs against a fake of the vendor's wire. */

import { describe, expect, test } from "bun:test"
import type { SpeechServices } from "../../src/speech/connection.ts"
import { CLOSING_MS, type OpenTranscriber, type TranscriberEvent } from "../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import type { SpeechPeer, SpeechServer } from "../fakes/speech-server.ts"
import { speechServices } from "../speech/speech-fixture.ts"

export type TranscriberSubject<Server extends SpeechServer> = {
  start: () => Server
  open: (server: Server, services: SpeechServices) => OpenTranscriber
  /** The vendor recognises what the other side says, in this order. */
  recognise: (peer: SpeechPeer) => {
    /** Speech begins; without a word, unless the vendor reports none. */
    start: () => void
    /** The words of the turn so far. */
    words: (text: string) => void
    /** The turn ends with these words. */
    end: (text: string) => void
  }
  /** Opens another connection when one is lost; what it does then its own tests show. */
  recovers?: boolean
  /** The caller's audio as the vendor got it. */
  audio?: (peer: SpeechPeer) => Uint8Array
}

export function transcriberContract<Server extends SpeechServer>(
  name: string,
  subject: TranscriberSubject<Server>,
) {
  const begin = () => {
    const server = subject.start()
    const fixture = speechServices()
    const events = new AwaitableLog<TranscriberEvent>(`events of ${name}`)
    const open = () => subject.open(server, fixture.services)((event) => events.push(event), "conversation")
    const next = <T extends TranscriberEvent["type"]>(type: T) =>
      events.next((event) => event.type === type) as Promise<Extract<TranscriberEvent, { type: T }>>
    return {
      server,
      ...fixture,
      events,
      open,
      next,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]()
        fixture[Symbol.dispose]()
      },
    }
  }
  /** The audio of so many frames of 20 ms; each byte is the number of its frame. */
  const frames = (count: number, from = 1) =>
    Array.from({ length: count }, (_, at) => new Uint8Array(160).fill(from + at))
  const audioOf = subject.audio ?? ((peer: SpeechPeer) => peer.audio)

  describe(`transcriber: ${name}`, () => {
    test("audio given before the provider accepts it arrives in order and whole", async () => {
      await using s = begin()
      const gate = Promise.withResolvers<void>()
      s.server.hold = gate.promise
      const transcriber = s.open()
      for (const frame of frames(25)) transcriber.hear(frame)
      gate.resolve()
      await s.next("ready")
      for (const frame of frames(25, 101)) transcriber.hear(frame)
      const peer = await s.server.peers.next()
      transcriber.close()
      await s.next("closed")
      await peer.closed
      const expected = Buffer.concat([...frames(25), ...frames(25, 101)])
      expect(Buffer.from(audioOf(peer)).equals(expected)).toBe(true)
    })

    test("the given bytes may change after the call", async () => {
      await using s = begin()
      const transcriber = s.open()
      const frame = new Uint8Array(160)
      for (let at = 1; at <= 20; at++) transcriber.hear(frame.fill(at))
      await s.next("ready")
      const peer = await s.server.peers.next()
      transcriber.close()
      await s.next("closed")
      await peer.closed
      expect(Buffer.from(audioOf(peer)).equals(Buffer.concat(frames(20)))).toBe(true)
    })

    test("two turns: each begins, shows its words and ends once with its text", async () => {
      await using s = begin()
      const transcriber = s.open()
      const peer = await s.server.peers.next()
      await s.next("ready")
      const recognised = subject.recognise(peer)
      for (const [half, whole] of [
        ["I need", "I need a table."],
        ["For", "For nine."],
      ] as const) {
        recognised.start()
        recognised.words(half)
        recognised.end(whole)
        await s.next("turn-ended")
      }
      transcriber.close()
      await s.next("closed")
      const types = s.events.all.map(({ type }) => type)
      expect(types.filter((type) => type === "speech-started")).toHaveLength(2)
      const texts = s.events.all.flatMap((event) => (event.type === "turn-ended" ? [event.text] : []))
      expect(texts).toEqual(["I need a table.", "For nine."])
      expect(types.indexOf("speech-started")).toBeLessThan(types.indexOf("turn-ended"))
      const interims = s.events.all.flatMap((event) => (event.type === "interim" ? [event.text] : []))
      expect(interims.every((text) => text !== "")).toBe(true)
    })

    test("a turn without words has an empty text, or is not reported", async () => {
      await using s = begin()
      const transcriber = s.open()
      const peer = await s.server.peers.next()
      await s.next("ready")
      const recognised = subject.recognise(peer)
      recognised.start()
      recognised.end("")
      recognised.start()
      recognised.words("Yes")
      recognised.end("Yes.")
      await s.events.next((event) => event.type === "turn-ended" && event.text === "Yes.")
      transcriber.close()
      await s.next("closed")
      const texts = s.events.all.flatMap((event) => (event.type === "turn-ended" ? [event.text] : []))
      expect(texts.filter((text) => text !== "")).toEqual(["Yes."])
    })

    test("close reports the words of an unfinished turn, then that it is closed; twice is once", async () => {
      await using s = begin()
      const transcriber = s.open()
      const peer = await s.server.peers.next()
      await s.next("ready")
      const recognised = subject.recognise(peer)
      recognised.start()
      recognised.words("Good")
      await s.events.next((event) => event.type === "interim" || event.type === "speech-started")
      recognised.words("Good bye")
      await s.events.next((event) => event.type === "interim" && event.text === "Good bye")
      transcriber.close()
      transcriber.close()
      transcriber.hear(new Uint8Array(160))
      await s.next("closed")
      const after = s.events.all.slice(-2)
      expect(after).toEqual([
        { type: "turn-ended", text: "Good bye", untilMs: expect.any(Number) },
        { type: "closed" },
      ])
    })

    test("close before the connection is open ends without a word", async () => {
      await using s = begin()
      const gate = Promise.withResolvers<void>()
      s.server.hold = gate.promise
      const transcriber = s.open()
      transcriber.close()
      await s.next("closed")
      gate.resolve()
      expect(s.events.all).toEqual([{ type: "closed" }])
    })

    test("a server that does not end the connection is left after the closing time", async () => {
      await using s = begin()
      const transcriber = s.open()
      await s.server.peers.next()
      await s.next("ready")
      s.server.ignores = true
      transcriber.close()
      s.clock.advance(CLOSING_MS + 1)
      await s.next("closed")
    })

    test.skipIf(subject.recovers === true).each([
      [401, "refused", false],
      [403, "refused", false],
      [429, "rate-limited", true],
      [503, "rejected", true],
    ] as const)("status %d at the start: %s", async (status, reason, retryable) => {
      await using s = begin()
      s.server.refuse = status
      const transcriber = s.open()
      transcriber.hear(new Uint8Array(160))
      const { failure } = await s.next("failed")
      expect(failure).toMatchObject({ reason, retryable, status })
      transcriber.hear(new Uint8Array(160))
      transcriber.close()
      expect(s.events.all).toHaveLength(1)
    })

    test.skipIf(subject.recovers === true)(
      "a server that never accepts the connection fails after the time limit",
      async () => {
        await using s = begin()
        s.server.hold = new Promise(() => {})
        s.open()
        s.clock.advance(s.services.times.connectMs + 1)
        expect((await s.next("failed")).failure).toMatchObject({ reason: "timeout", retryable: true })
      },
    )

    test.skipIf(subject.recovers === true)(
      "a connection that breaks in the middle of a word fails once, and what comes later has no effect",
      async () => {
        await using s = begin()
        const transcriber = s.open()
        const peer = await s.server.peers.next()
        await s.next("ready")
        const recognised = subject.recognise(peer)
        recognised.start()
        recognised.words("I nee")
        await s.next("speech-started")
        peer.drop()
        expect((await s.next("failed")).failure).toMatchObject({ reason: "closed", retryable: true })
        transcriber.hear(new Uint8Array(160))
        transcriber.expect("dictation")
        transcriber.close()
        expect(s.events.all.at(-1)?.type).toBe("failed")
      },
    )

    test.skipIf(subject.recovers === true)(
      "a malformed frame is dropped; three in a row end the connection",
      async () => {
        await using s = begin()
        s.open()
        const peer = await s.server.peers.next()
        await s.next("ready")
        const recognised = subject.recognise(peer)
        peer.sendRaw("{broken")
        recognised.start()
        recognised.words("Hello")
        recognised.end("Hello.")
        expect((await s.next("turn-ended")).text).toBe("Hello.")
        for (const raw of ["{broken", "[]", "null"]) peer.sendRaw(raw)
        expect((await s.next("failed")).failure.reason).toBe("malformed")
      },
    )

    test("every profile can be chosen at any time, and turns continue", async () => {
      await using s = begin()
      const transcriber = s.open()
      transcriber.expect("menu")
      const peer = await s.server.peers.next()
      await s.next("ready")
      for (const profile of ["dictation", "conversation", "conversation", "menu"] as const)
        transcriber.expect(profile)
      // Another profile may be another connection.
      for (const each of new Set([peer, ...s.server.peers.all])) {
        const recognised = subject.recognise(each)
        recognised.start()
        recognised.words("Press one")
        recognised.end("Press one.")
      }
      expect((await s.next("turn-ended")).text).toBe("Press one.")
    })
  })
}
