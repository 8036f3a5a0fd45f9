/** Resampling, measured: length, loudness, pitch, what must be kept out, and that pieces give the same as the whole. */

import { expect, test } from "bun:test"
import { Resampler, resample } from "../../src/audio/resample.ts"

const tone = (hz: number, rateHz: number, seconds = 0.25, loudness = 10_000) =>
  Int16Array.from({ length: Math.round(rateHz * seconds) }, (_, at) =>
    Math.round(loudness * Math.sin((2 * Math.PI * hz * at) / rateHz)),
  )

/** Loudness of one pitch in the middle of some audio (Goertzel). */
function level(samples: Int16Array, hz: number, rateHz: number): number {
  const middle = samples.subarray(samples.length >> 2, (samples.length * 3) >> 2)
  let [re, im] = [0, 0]
  middle.forEach((sample, at) => {
    re += sample * Math.cos((2 * Math.PI * hz * at) / rateHz)
    im += sample * Math.sin((2 * Math.PI * hz * at) / rateHz)
  })
  return (2 * Math.hypot(re, im)) / middle.length
}

const RATES = [11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]

test.each(RATES)("%d Hz becomes 8 kHz with its pitch and loudness", (fromHz) => {
  const down = resample(tone(1_000, fromHz), { fromHz, toHz: 8_000 })
  expect(down.length).toBe(Math.ceil((Math.round(fromHz / 4) * 8_000) / fromHz))
  expect(Math.abs(level(down, 1_000, 8_000) / 10_000 - 1)).toBeLessThan(0.02)
})

test.each(RATES)("8 kHz becomes %d Hz with its pitch and loudness", (toHz) => {
  const up = resample(tone(1_000, 8_000), { fromHz: 8_000, toHz })
  expect(up.length).toBe(Math.ceil((2_000 * toHz) / 8_000))
  expect(Math.abs(level(up, 1_000, toHz) / 10_000 - 1)).toBeLessThan(0.02)
})

test.each([16_000, 24_000, 44_100, 48_000])(
  "what 8 kHz cannot hold is kept out of it, from %d Hz",
  (fromHz) => {
    const down = resample(tone(5_000, fromHz), { fromHz, toHz: 8_000 })
    // 5 kHz would be heard as 3 kHz. 60 dB is a thousandth.
    expect(level(down, 3_000, 8_000)).toBeLessThan(10)
  },
)

/** Levels of all pitches in a second of audio, in steps of 10 Hz and in decibels below its loudest. */
function spectrum(samples: Int16Array, rateHz: number): { hz: number; db: number }[] {
  const count = rateHz / 10
  const middle = samples.subarray((samples.length - count) >> 1, (samples.length + count) >> 1)
  const levels = Array.from({ length: rateHz / 20 }, (_, step) => {
    let [re, im] = [0, 0]
    for (const [at, sample] of middle.entries()) {
      re += sample * Math.cos((2 * Math.PI * step * at) / count)
      im += sample * Math.sin((2 * Math.PI * step * at) / count)
    }
    return Math.hypot(re, im)
  })
  const loudest = Math.max(...levels)
  return levels.map((level, step) => ({
    hz: step * 10,
    db: 20 * Math.log10(Math.max(level / loudest, 1e-9)),
  }))
}

test("1 kHz at 24 kHz is 1 kHz at 8 kHz and nothing else, in pieces of any size", () => {
  const resampler = new Resampler({ fromHz: 24_000, toHz: 8_000 })
  const audio = tone(1_000, 24_000, 0.5, 20_000)
  const pieces = [1, 479, 480, 481, 997].flatMap((size, at) => [
    ...resampler.push(audio.subarray(at * 2_400, at * 2_400 + size)),
    ...resampler.push(audio.subarray(at * 2_400 + size, (at + 1) * 2_400)),
  ])
  const loud = spectrum(Int16Array.from(pieces), 8_000).filter(({ db }) => db > -60)
  expect(loud).toEqual([{ hz: 1_000, db: 0 }])
})

test.each([4_600, 5_000, 6_000, 7_000, 8_000, 9_000, 11_000, 11_900])(
  "%d Hz at 24 kHz leaves less than -60 dB at 8 kHz",
  (hz) => {
    const down = resample(tone(hz, 24_000, 0.5, 20_000), { fromHz: 24_000, toHz: 8_000 })
    const middle = down.subarray(500, 3_500)
    expect(Math.max(...middle.map(Math.abs))).toBeLessThan(20)
  },
)

test("no image is left above the voice when the rate goes up", () => {
  expect(level(resample(tone(1_000, 8_000), { fromHz: 8_000, toHz: 24_000 }), 7_000, 24_000)).toBeLessThan(10)
})

test("a voice at 3 kHz is still as loud", () => {
  const down = resample(tone(3_000, 24_000), { fromHz: 24_000, toHz: 8_000 })
  expect(level(down, 3_000, 8_000)).toBeGreaterThan(9_500)
})

test.each([
  [1, 24_000, 8_000],
  [160, 24_000, 8_000],
  [441, 44_100, 8_000],
  [997, 44_100, 8_000],
  [20, 8_000, 24_000],
  [7, 8_000, 44_100],
  [33, 8_000, 8_000],
] as const)("pieces of %d samples give the same as the whole, %d to %d Hz", (size, fromHz, toHz) => {
  const audio = tone(700, fromHz, 0.1)
  const resampler = new Resampler({ fromHz, toHz })
  const pieces: number[] = []
  for (let at = 0; at < audio.length; at += size)
    pieces.push(...resampler.push(audio.subarray(at, at + size)))
  pieces.push(...resampler.flush())
  expect(pieces).toEqual([...resample(audio, { fromHz, toHz })])
})

test("the audio is not moved in time", () => {
  const click = new Int16Array(2_400)
  click[1_200] = 30_000
  const down = resample(click, { fromHz: 24_000, toHz: 8_000 })
  expect(down.indexOf(Math.max(...down))).toBe(400)
})

test("the same rate leaves every sample as it is", () => {
  const audio = tone(440, 8_000)
  expect([...resample(audio, { fromHz: 8_000, toHz: 8_000 })]).toEqual([...audio])
})

test("steady loudness stays, and the loudest audio does not run over", () => {
  const square = Int16Array.from({ length: 2_400 }, (_, at) => (Math.floor(at / 60) % 2 ? 32_767 : -32_768))
  const down = resample(square, { fromHz: 24_000, toHz: 8_000 })
  const sign = (sample: number | undefined) => Math.sign(sample ?? 0)
  expect({ down410: sign(down[410]), down430: sign(down[430]) }).toEqual({ down410: -1, down430: 1 })
  const steady = resample(new Int16Array(4_800).fill(1_234), { fromHz: 48_000, toHz: 8_000 })
  expect([...steady.subarray(100, 700)].every((sample) => Math.abs(sample - 1_234) <= 1)).toBe(true)
})

test("nothing becomes nothing", () => {
  expect(resample(new Int16Array(0), { fromHz: 24_000, toHz: 8_000 }).length).toBe(0)
})

test.each([
  [0, 8_000],
  [Number.NaN, 8_000],
  [8_000.5, 8_000],
  [8_000, 1_000_000],
  [44_100, 44_099],
])("%d to %d Hz is refused", (fromHz, toHz) => {
  expect(() => new Resampler({ fromHz, toHz })).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }))
})
