/** Voice on a phone line: speech is noticed at once, silence, clicks and steady noise are not speech. */

import { beforeAll, expect, test } from "bun:test"
import { encodeMulaw, silence } from "../../src/audio/mulaw.ts"
import { storedPrompt } from "../../src/audio/prompts.ts"
import { loadVoiceDetector, VoiceDetector, type VoiceChange } from "../../src/audio/voice-detector.ts"

beforeAll(() => loadVoiceDetector())

const speech = storedPrompt("greeting").audio

/** Every change with the end of the frame in which it was noticed, in milliseconds. */
function changes(...sounds: Uint8Array[]): [VoiceChange, number][] {
  const detector = new VoiceDetector()
  const found: [VoiceChange, number][] = []
  const all = Buffer.concat(sounds)
  for (let at = 0; at < all.length; at += 160) {
    const change = detector.hear(all.subarray(at, at + 160))
    if (change) found.push([change, at / 8 + 20])
  }
  detector.close()
  detector.close()
  return found
}

function noise(ms: number, amplitude: number): Uint8Array {
  let seed = 1
  const next = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647 - 0.5
  return encodeMulaw(Int16Array.from({ length: ms * 8 }, () => next() * 2 * amplitude))
}

test("speech is noticed within 200 ms of its first sound, and its end after the pause", () => {
  const found = changes(silence(1_000), speech, silence(1_000))
  expect(found[0]?.[0]).toBe("started")
  expect(found[0]?.[1]).toBeGreaterThan(1_000)
  expect(found[0]?.[1]).toBeLessThan(1_300)
  const [last, endMs] = found.at(-1) ?? []
  expect(last).toBe("ended")
  expect(endMs).toBeLessThan(1_000 + speech.length / 8 + 700)
})

test("silence and quiet noise are no speech, from the beginning of a stream on", () => {
  expect(changes(silence(3_000))).toEqual([])
  expect(changes(noise(3_000, 150))).toEqual([])
})

test("a click is dropped", () => {
  const found = changes(silence(600), noise(30, 20_000), silence(1_000))
  expect(found.map(([change]) => change)).toEqual(["started", "dropped"])
})

test("speech is noticed in quiet noise", () => {
  const mixed = Buffer.concat([noise(1_000, 150), speech])
  expect(changes(mixed)[0]?.[0]).toBe("started")
})

test("pieces of any length are heard like frames", () => {
  const all = Buffer.concat([silence(1_000), speech, silence(1_000)])
  const detector = new VoiceDetector()
  const found: VoiceChange[] = []
  for (let at = 0; at < all.length; at += 77) {
    const change = detector.hear(all.subarray(at, at + 77))
    if (change) found.push(change)
  }
  detector.close()
  expect(found).toEqual(changes(all).map(([change]) => change))
})

test("a detector that is closed still answers, by loudness", () => {
  const detector = new VoiceDetector()
  detector.close()
  expect(detector.hear(silence(400))).toBeUndefined()
  expect(detector.hear(speech)).toBeDefined()
})
