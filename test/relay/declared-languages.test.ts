import { expect, test } from "bun:test"
import { declaredLanguages } from "../../src/relay/declared-languages.ts"
import { sampleAgent } from "./fixture.ts"

type Attributes = Record<string, string>

test.each<[string, Attributes, string[], Attributes, string[]]>([
  ["one language of recognition: nothing to follow", { language: "en-AU" }, ["fr-FR"], {}, []],
  ["nothing said of languages", {}, ["fr-FR"], {}, []],
  [
    "multi, the agent's own language first",
    { transcriptionLanguage: "multi", ttsLanguage: "fr-FR" },
    ["en-AU", "fr-FR"],
    {},
    ["fr-FR", "en-AU"],
  ],
  ["multi for both", { language: "multi" }, ["en-AU"], {}, ["en-AU"]],
  [
    "those of another application, its own first",
    { language: "en-AU" },
    ["en-AU"],
    { crLanguages: " de-DE, it-IT ,,multi", crTtsLanguage: "it-IT" },
    ["it-IT", "de-DE"],
  ],
  ["none of another application", { language: "multi" }, ["en-AU"], { crLanguages: "" }, []],
])("%s", (_, attributes, codes, parameters, expected) => {
  const languages = codes.map((code) => ({ code }))
  const agent = sampleAgent({ relay: { attributes, languages, parameters: {} } })
  expect(declaredLanguages(agent, parameters)).toEqual(expected)
})
