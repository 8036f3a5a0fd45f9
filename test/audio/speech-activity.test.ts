import { expect, test } from "bun:test"
import { encodeMulaw, silence } from "../../src/audio/mulaw.ts"
import { storedPrompt } from "../../src/audio/prompts.ts"
import { LOOK_EVERY_CHARS, SpeechActivity } from "../../src/audio/speech-activity.ts"

/** A tone whose mean absolute sample is `loudness`. */
const tone = (ms: number, loudness = 3_000) =>
  encodeMulaw(
    Int16Array.from({ length: ms * 8 }, (_, at) => Math.round(loudness * (Math.PI / 2) * Math.sin(at * 0.7))),
  )

/** What is reported of audio in frames of `frameMs`, each change with its time in milliseconds. */
function changesIn(audio: Uint8Array, { activity = new SpeechActivity(), frameMs = 20 } = {}): string[] {
  const bytes = frameMs * 8
  const changes: string[] = []
  let unseen = 0
  for (let at = 0; at < audio.length; at += bytes) {
    const payload = Buffer.from(audio.subarray(at, at + bytes)).toString("base64")
    unseen += payload.length
    if (unseen < LOOK_EVERY_CHARS) continue
    const change = activity.look(payload, unseen)
    unseen = 0
    if (change !== undefined) changes.push(`${change} ${(at + bytes) / 8}`)
  }
  return changes
}

const kinds = (changes: string[]) => changes.map((change) => change.split(" ")[0])

test("speech is noticed within 100 ms, and its end after a pause of 400 ms", () => {
  const audio = Buffer.concat([silence(1_000), tone(1_000), silence(1_000)])
  const [started, ended] = changesIn(audio).map((change) => Number(change.split(" ")[1]))
  expect(started).toBeWithin(1_000, 1_101)
  expect(ended).toBeWithin(2_400, 2_521)
})

test.each(["greeting", "not-caught", "one-moment", "you-said"] as const)("words are speech: %s", (name) => {
  const audio = Buffer.concat([silence(500), storedPrompt(name).audio, silence(600)])
  const changes = kinds(changesIn(audio))
  expect(changes[0]).toBe("started")
  expect(changes.at(-1)).toBe("ended")
})

test.each([10, 20, 60, 200])("frames of %d ms make no difference", (frameMs) => {
  const audio = Buffer.concat([silence(1_000), tone(1_000), silence(1_000)])
  expect(kinds(changesIn(audio, { frameMs }))).toEqual(["started", "ended"])
})

test("a pause within a sentence does not end it", () => {
  const audio = Buffer.concat([tone(600), silence(300), tone(600), silence(600)])
  expect(kinds(changesIn(audio))).toEqual(["started", "ended"])
})

test.each<[string, Uint8Array, string[]]>([
  ["silence", silence(5_000), []],
  ["a faint hum", tone(5_000, 400), []],
  ["a click", Buffer.concat([silence(1_000), tone(40), silence(1_000)]), ["started", "dropped"]],
  ["steady noise, which becomes the background", tone(60_000, 1_200), ["started", "dropped"]],
])("%s is no speech", (_, audio, changes) => expect(kinds(changesIn(audio))).toEqual(changes))

test("speech without a pause is reported once more after ten seconds", () => {
  expect(changesIn(tone(9_900, 7_000))).toHaveLength(1)
  const audio = Buffer.concat([tone(12_000, 7_000), silence(600)])
  expect(kinds(changesIn(audio))).toEqual(["started", "long", "ended"])
})

test("words that are too quiet to begin speech continue it, and the line is not quiet meanwhile", () => {
  const activity = new SpeechActivity()
  expect(kinds(changesIn(Buffer.concat([tone(600), tone(1_000, 500)]), { activity }))).toEqual(["started"])
  expect(activity.quietMs).toBe(0)
  changesIn(silence(1_000), { activity })
  expect(activity.quietMs).toBeWithin(900, 1_101)
})

test("after doubt only louder audio counts, until it is confirmed again", () => {
  const activity = new SpeechActivity()
  const words = Buffer.concat([silence(500), tone(800, 1_200), silence(600)])
  expect(kinds(changesIn(words, { activity }))).toEqual(["started", "ended"])
  activity.doubt()
  expect(changesIn(words, { activity })).toEqual([])
  activity.confirm()
  expect(kinds(changesIn(words, { activity }))).toEqual(["started", "ended"])
})

test("a payload without audio is no speech", () => expect(new SpeechActivity().look("", 0)).toBeUndefined())
