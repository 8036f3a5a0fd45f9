/** Speech by loudness: when it begins and ends, what is too short, and stored speech as a real sample. */

import { expect, test } from "bun:test"
import { encodeMulaw, silence } from "../../src/audio/mulaw.ts"
import { sound } from "../../src/audio/sounds.ts"
import {
  SpeechDetector,
  type SpeechDetectorOptions,
  type SpeechEdge,
} from "../../src/audio/speech-detector.ts"

const hum = (ms: number, loudness = 4_000) =>
  encodeMulaw(Int16Array.from({ length: ms * 8 }, (_, at) => Math.round(loudness * Math.sin(at * 0.4))))

/** Hears it all in frames of a size and returns every edge. */
function edges(audio: Uint8Array[], options: SpeechDetectorOptions = {}, frameBytes = 160): SpeechEdge[] {
  const detector = new SpeechDetector(options)
  const all = Buffer.concat(audio)
  const found: SpeechEdge[] = []
  for (let at = 0; at < all.length; at += frameBytes) {
    const edge = detector.hear(all.subarray(at, at + frameBytes))
    if (edge) found.push(edge)
  }
  return found
}

const ONCE: SpeechEdge[] = [
  { type: "started", atMs: 700 },
  { type: "stopped", atMs: 2_500 },
]

test.each([1, 7, 160, 333, 1_600])("speech is found alike in frames of %d bytes", (size) => {
  expect(edges([silence(1_000), hum(1_000), silence(1_000)], {}, size)).toEqual(ONCE)
})

test.each<[string, Uint8Array[], SpeechDetectorOptions, SpeechEdge[]]>([
  ["silence has none", [silence(5_000)], {}, []],
  ["a click is none", [silence(200), hum(40), silence(2_000)], {}, []],
  ["a soft hum is none", [hum(2_000, 500)], {}, []],
  ["a lower threshold hears it", [hum(2_000, 500)], { threshold: 200 }, [{ type: "started", atMs: 0 }]],
  [
    "a pause shorter than the limit is part of it",
    [hum(500), silence(480), hum(500), silence(500)],
    {},
    [
      { type: "started", atMs: 0 },
      { type: "stopped", atMs: 1_980 },
    ],
  ],
  [
    "padding does not reach into the last speech",
    [hum(200), silence(200), hum(200), silence(200)],
    { stopMs: 100 },
    [
      { type: "started", atMs: 0 },
      { type: "stopped", atMs: 300 },
      { type: "started", atMs: 300 },
      { type: "stopped", atMs: 700 },
    ],
  ],
  [
    "without padding it starts with the first sound",
    [silence(1_000), hum(100)],
    { paddingMs: 0 },
    [{ type: "started", atMs: 1_000 }],
  ],
  ["the loudest byte is loud", [new Uint8Array(800)], {}, [{ type: "started", atMs: 0 }]],
])("%s", (_, audio, options, expected) => expect(edges(audio, options)).toEqual(expected))

test("a stored sentence is one stretch of speech", () => {
  const { audio } = sound("greeting")
  const found = edges([silence(500), audio, silence(1_000)])
  expect(found.map(({ type }) => type)).toEqual(["started", "stopped"])
})

test("it tells whether somebody speaks", () => {
  const detector = new SpeechDetector()
  const states = [hum(40), hum(20), silence(480), silence(20)].map(
    (frame) => (detector.hear(frame), detector.speaking),
  )
  expect(states).toEqual([false, true, true, false])
})
