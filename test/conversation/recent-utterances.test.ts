import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import { Utterances } from "../../src/conversation/recent-utterances.ts"
import { sampleTurn } from "../store/fixture.ts"

/** Utterances with these texts, one sent each second. */
function fixture(...texts: string[]) {
  const utterances = new Utterances()
  const all = texts.map((text, at) => {
    const utterance = utterances.create(sampleTurn(newCallId(), { speaker: "agent", text }))
    utterances.sent(utterance, text, at * 1000)
    return utterance
  })
  const nameOf = (utterance: unknown) => all.findIndex((one) => one === utterance)
  return { utterances, all, nameOf }
}

test("an utterance counts as sent with its first text", () => {
  const utterances = new Utterances()
  utterances.create(sampleTurn(newCallId()))
  expect(utterances.last).toBeUndefined()
})

test("a played clause belongs to the oldest utterance that waits for it", () => {
  const { utterances, nameOf } = fixture("Yes.", "Yes.")
  const played = [1, 2, 3].map(() => utterances.played("Yes."))
  expect(played.map(nameOf)).toEqual([0, 1, -1])
})

test.each([
  ["a report of one utterance", "Good", { now: 5000 }, { at: 0, text: "Good" }],
  ["a report that fits two belongs to the newest", "We", { now: 5000 }, { at: 2, text: "We" }],
  [
    "unless that began after the interrupted speech",
    "We",
    { now: 2500, durationMs: 1000 },
    { at: 1, text: "We" },
  ],
  ["a report of nothing that was said", "Never", { now: 5000 }, undefined],
] as const)("interruption: %s", (_, report, times, expected) => {
  const { utterances, nameOf } = fixture("Good day.", "We open at nine.", "We close at five.")
  const hit = utterances.interrupted(report, times)
  expect(hit && { at: nameOf(hit.utterance), text: hit.text }).toEqual(expected)
})

test("a cut ends the utterance and those before it", () => {
  const { utterances, all } = fixture("One.", "Two.", "Three.")
  const [, second] = all
  if (second) utterances.cutOff(second)
  expect(all.map(({ cut }) => cut)).toEqual([true, true, false])
  expect(utterances.played("One.")).toBeUndefined()
})

test("unplayed utterances are known once a clause was reported", () => {
  const { utterances, nameOf } = fixture("One.", "Two.", "Three.")
  const before = utterances.unplayed()
  utterances.played("One.")
  expect({ before, after: utterances.unplayed().map(nameOf) }).toEqual({ before: [], after: [1, 2] })
})

test("only the latest eight are kept", () => {
  const { utterances, nameOf } = fixture(...Array.from({ length: 9 }, (_, at) => `Number ${at}.`))
  expect([0, 1].map((at) => nameOf(utterances.played(`Number ${at}.`)))).toEqual([-1, 1])
})
