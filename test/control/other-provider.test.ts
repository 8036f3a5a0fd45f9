/** Which speech provider a session uses after the one before it has failed. */

import { expect, test } from "bun:test"
import type { RelayAttributes } from "../../src/assets/agent.ts"
import { withOtherProviders } from "../../src/control/other-provider.ts"
import { sampleAgent } from "../relay/fixture.ts"

const ATTRIBUTES = {
  language: "en-US",
  ttsProvider: "ElevenLabs",
  voice: "abc",
  transcriptionProvider: "Deepgram",
  speechModel: "nova-3-general",
}
const SPEECH = { ttsProvider: "Google" }
const TRANSCRIPTION = { transcriptionProvider: "Google" }
const { language, ttsProvider, voice, transcriptionProvider, speechModel } = ATTRIBUTES

const agentWith = (attributes: RelayAttributes) => {
  const languages = [{ code: "en-GB", ttsProvider, voice }]
  return sampleAgent({ relay: { attributes, languages, parameters: {} } })
}

test.each([
  ["64111", { language, transcriptionProvider, speechModel, ...SPEECH }],
  ["64112", { language, transcriptionProvider, speechModel, ...SPEECH }],
  ["64114", { language, ttsProvider, voice, ...TRANSCRIPTION }],
  ["64101", { language, ...SPEECH, ...TRANSCRIPTION }],
  ["64105", ATTRIBUTES],
  [null, ATTRIBUTES],
])("after error %p", (code, expected) => {
  expect(withOtherProviders(agentWith(ATTRIBUTES), code).relay.attributes).toEqual(expected)
})

test("the languages change their provider too", () => {
  const { languages } = withOtherProviders(agentWith(ATTRIBUTES), "64111").relay
  expect(languages).toEqual([{ code: "en-GB", ttsProvider: "Google" }])
})

test("Google and providers left out have others to fall back to", () => {
  const of = (attributes: RelayAttributes) =>
    withOtherProviders(agentWith(attributes), "64101").relay.attributes
  expect(of({ ttsProvider: "Google", transcriptionProvider: "Google" })).toMatchObject({
    ttsProvider: "Amazon",
    transcriptionProvider: "Deepgram",
  })
  expect(of({})).toMatchObject({ ttsProvider: "Google", transcriptionProvider: "Google" })
})

test("a language that only one provider knows keeps it", () => {
  const attributes = { ...ATTRIBUTES, transcriptionLanguage: "multi" }
  expect(withOtherProviders(agentWith(attributes), "64114").relay.attributes).toEqual(attributes)
})
