/** WAV files of every kind that is read, broken ones, and a file that is written piece by piece. */

import { expect, test } from "bun:test"
import { encodeMulaw } from "../../src/audio/mulaw.ts"
import { isWav, readWav, StereoWav, type WavSink } from "../../src/audio/wav.ts"

const INVALID = expect.objectContaining({ code: "INVALID_REQUEST" })

function chunk(tag: string, body: Uint8Array, length = body.length): Buffer {
  const head = Buffer.alloc(8)
  head.write(tag)
  head.writeUInt32LE(length, 4)
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)])
}

function format({ kind = 1, channels = 1, rateHz = 8_000, bits = 16, extra = Buffer.alloc(0) } = {}): Buffer {
  const body = Buffer.alloc(16)
  body.writeUInt16LE(kind, 0)
  body.writeUInt16LE(channels, 2)
  body.writeUInt32LE(rateHz, 4)
  body.writeUInt16LE(bits, 14)
  return chunk("fmt ", Buffer.concat([body, extra]))
}

const file = (...chunks: Uint8Array[]) => {
  const body = Buffer.concat([Buffer.from("WAVE"), ...chunks])
  return new Uint8Array(chunk("RIFF", body))
}

const pcm = (...samples: number[]) => Buffer.from(Int16Array.from(samples).buffer)
const floats = (...samples: number[]) => Buffer.from(Float32Array.from(samples).buffer)
const subFormat = Buffer.concat([Buffer.from([22, 0, 16, 0, 0, 0, 0, 0, 1, 0]), Buffer.alloc(14)])

test.each([
  ["16-bit mono", file(format(), chunk("data", pcm(1, -2, 3))), [1, -2, 3]],
  [
    "16-bit stereo, mixed",
    file(format({ channels: 2 }), chunk("data", pcm(10, 20, -32_768, -32_768))),
    [15, -32_768],
  ],
  ["half a pair at the end", file(format({ channels: 2 }), chunk("data", pcm(10, 20, 30))), [15]],
  ["an odd byte at the end", file(format(), chunk("data", Buffer.concat([pcm(7), Buffer.of(1)]))), [7]],
  [
    "mu-law",
    file(format({ kind: 7, bits: 8 }), chunk("data", encodeMulaw(Int16Array.of(0, 1_884)))),
    [0, 1_884],
  ],
  [
    "float, clipped",
    file(format({ kind: 3, bits: 32 }), chunk("data", floats(0, 0.5, -1, 7, -7))),
    [0, 16_384, -32_767, 32_767, -32_767],
  ],
  ["a float that is no number", file(format({ kind: 3, bits: 32 }), chunk("data", floats(Number.NaN))), [0]],
  ["the extensible form", file(format({ kind: 0xfffe, extra: subFormat }), chunk("data", pcm(5))), [5]],
  [
    "other chunks, one of odd length",
    file(chunk("LIST", Buffer.from("abc")), format(), chunk("data", pcm(9))),
    [9],
  ],
  ["a length that was never filled in", file(format(), chunk("data", pcm(4, 5), 0)), [4, 5]],
  ["a length beyond the file", file(format(), chunk("data", pcm(4, 5), 0xffff_ffff)), [4, 5]],
  ["no audio at all", file(format(), chunk("data", Buffer.alloc(0))), []],
] as const)("%s is read", (_, bytes, samples) => {
  expect([...readWav(bytes).samples]).toEqual([...samples])
})

test("the rate is read, and bytes in the middle of a buffer are read in their place", () => {
  const bytes = file(format({ rateHz: 44_100 }), chunk("data", pcm(1, 2)))
  const around = new Uint8Array(bytes.length + 3)
  around.set(bytes, 3)
  const { sampleRateHz, samples } = readWav(around.subarray(3))
  expect({ sampleRateHz, samples: [...samples] }).toEqual({ sampleRateHz: 44_100, samples: [1, 2] })
})

test.each([
  ["nothing", new Uint8Array(0)],
  ["another format", new Uint8Array(Buffer.from("OggS and much more"))],
  ["a head alone", file()],
  ["data before the format", file(chunk("data", pcm(1)), format())],
  ["no data", file(format())],
  ["a format that is cut short", file(chunk("fmt ", Buffer.alloc(8)), chunk("data", pcm(1)))],
  ["an extension that is cut short", file(format({ kind: 0xfffe }), chunk("data", pcm(1)))],
  ["24 bits", file(format({ bits: 24 }), chunk("data", pcm(1)))],
  ["A-law", file(format({ kind: 6, bits: 8 }), chunk("data", pcm(1)))],
  ["six channels", file(format({ channels: 6 }), chunk("data", pcm(1)))],
  ["no channel", file(format({ channels: 0 }), chunk("data", pcm(1)))],
  ["a rate of nothing", file(format({ rateHz: 0 }), chunk("data", pcm(1)))],
] as const)("%s is refused", (_, bytes) => {
  expect(() => readWav(bytes)).toThrow(INVALID)
})

test("a WAV is known by its head", () => {
  expect({
    wav: isWav(file()),
    avi: isWav(Buffer.from("RIFFxxxxAVI ")),
    tooShort: isWav(new Uint8Array(3)),
  }).toEqual({ wav: true, avi: false, tooShort: false })
})

/** A file in memory. */
class Memory implements WavSink {
  bytes = new Uint8Array(0)

  writeAt(bytes: Uint8Array, offset: number): void {
    const longer = new Uint8Array(Math.max(this.bytes.length, offset + bytes.length))
    longer.set(this.bytes)
    longer.set(bytes, offset)
    this.bytes = longer
  }
}

test("two tracks are written piece by piece, can be read at any time, and state their length in the end", () => {
  const memory = new Memory()
  const wav = new StereoWav(memory, 8_000)
  wav.append(Int16Array.of(100, -200), Int16Array.of(300, 400))
  const early = [...readWav(memory.bytes).samples]
  wav.append(Int16Array.of(5), Int16Array.of(-5))
  wav.finish()
  wav.finish()
  wav.append(Int16Array.of(9), Int16Array.of(9))
  const view = new DataView(memory.bytes.buffer)
  expect({ early, samples: [...readWav(memory.bytes).samples] }).toEqual({
    early: [200, 100],
    samples: [200, 100, 0],
  })
  expect([view.getUint32(4, true), view.getUint32(40, true), memory.bytes.length]).toEqual([48, 12, 56])
  expect([view.getInt16(44, true), view.getInt16(46, true), view.getInt16(48, true)]).toEqual([
    100, 300, -200,
  ])
})
