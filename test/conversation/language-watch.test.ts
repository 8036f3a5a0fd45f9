import { expect, test } from "bun:test"
import { LanguageWatch } from "../../src/conversation/language-watch.ts"

const DECLARED = ["en-AU", "fr-FR", "es-ES"]

test.each([
  [
    "the first detection switches at once, later ones need two prompts in a row",
    ["en", "en", "fr", "fr", "fr", "es", "en", "es", "es"],
    ["en-AU", "fr-FR", "es-ES"],
  ],
  ["a language that is not declared changes nothing", ["de", "de", "de"], []],
  [
    "an undeclared prompt does not count for or against a change",
    ["en", "fr", "de", "fr"],
    ["en-AU", "fr-FR"],
  ],
  ["no language changes nothing", [undefined, "", undefined], []],
  ["a full tag finds its own declaration", ["es-ES"], ["es-ES"]],
  ["a full tag of another region finds the declared one", ["en-GB"], ["en-AU"]],
  ["case does not matter", ["FR"], ["fr-FR"]],
] as const)("%s", (_, heard, expected) => {
  const watch = new LanguageWatch(DECLARED)
  expect(heard.flatMap((lang) => watch.heard(lang) ?? [])).toEqual([...expected])
})

test("once stopped, nothing changes any more", () => {
  const watch = new LanguageWatch(DECLARED)
  watch.heard("en")
  watch.stop()
  expect([watch.heard("fr"), watch.heard("fr")]).toEqual([undefined, undefined])
})
