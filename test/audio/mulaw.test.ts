/** The G.711 tables against the values of the standard, and the length of audio in base64. */

import { expect, test } from "bun:test"
import { base64Ms, decodeMulaw, encodeMulaw, MULAW_SILENCE, silence } from "../../src/audio/mulaw.ts"

test.each([
  ["the loudest negative", 0x00, -32_124],
  ["the end of the loudest segment", 0x0f, -16_764],
  ["the softest negative", 0x7e, -8],
  ["the negative zero", 0x7f, 0],
  ["the loudest positive", 0x80, 32_124],
  ["the middle", 0xbf, 1_980],
  ["the softest positive", 0xfe, 8],
  ["silence", 0xff, 0],
] as const)("%s decodes as in the standard", (_, byte, sample) => {
  expect(decodeMulaw(Uint8Array.of(byte))[0]).toBe(sample)
})

test("every byte survives decoding and encoding; the two zeros become one", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  expect([...encodeMulaw(decodeMulaw(bytes))]).toEqual(
    [...bytes].map((byte) => (byte === 0x7f ? 0xff : byte)),
  )
})

test("every sample is encoded within half a step of its segment, and without overflow at the ends", () => {
  const samples = Int16Array.from({ length: 65_536 }, (_, at) => at - 32_768)
  const back = decodeMulaw(encodeMulaw(samples))
  const worst = samples.reduce((most, sample, at) => {
    const size = Math.abs(sample)
    const step = 8 << Math.max(0, 31 - Math.clz32(Math.min(32_635, size) + 0x84) - 7)
    const allowed = size > 32_124 ? 32_768 - 32_124 : step / 2
    return Math.max(most, Math.abs(sample - (back[at] ?? 0)) - allowed)
  }, -1)
  expect(worst).toBeLessThanOrEqual(0)
})

test("silence is 0xff, eight bytes a millisecond", () => {
  expect([...silence(1)]).toEqual(Array.from({ length: 8 }, () => MULAW_SILENCE))
  expect(decodeMulaw(silence(20)).every((sample) => sample === 0)).toBe(true)
})

test.each([0, 1, 2, 3, 159, 160, 161, 1_600])(
  "%d bytes of base64 are measured without decoding",
  (length) => {
    expect(base64Ms(silence(length / 8).toBase64())).toBe(length / 8)
  },
)

test.each(["=", "==", "A", "===="])("wrong base64 %p is measured without an error", (text) => {
  expect(base64Ms(text)).toBeGreaterThanOrEqual(0)
})
