import { expect, test } from "bun:test"
import { allows, parseInterruptible, parseServerMessage } from "../../../src/sim/relay/relay-wire.ts"

test.each([
  ["a token", '{"type":"text","token":" hello","last":false}'],
  ["an empty token that closes", '{"type":"text","token":"","last":true}'],
  ["a token without last", '{"type":"text","token":"a"}'],
  ["all flags", '{"type":"text","token":"a","lang":"de-DE","interruptible":false,"preemptible":true}'],
  ["unknown fields", '{"type":"text","token":"a","extra":1}'],
  ["audio", '{"type":"play","source":"https://parley.test/a.mp3","loop":0}'],
  ["digits with pauses", '{"type":"sendDigits","digits":"ww12*#"}'],
  ["one language", '{"type":"language","ttsLanguage":"es-ES"}'],
  ["an end", '{"type":"end"}'],
  ["an end with hand-over", '{"type":"end","handoffData":"{}"}'],
  ["a change of settings", '{"type":"config","anything":{}}'],
] as const)("Twilio takes %s", (_, text) =>
  expect(parseServerMessage(text)?.type).toBe(JSON.parse(text).type),
)

test.each([
  ["no JSON", "hello"],
  ["an empty frame", ""],
  ["a number", "1"],
  ["null", "null"],
  ["an array", "[]"],
  ["no type", '{"token":"a"}'],
  ["an unknown type", '{"type":"interrupt"}'],
  ["the prototype's name as a type", '{"type":"__proto__"}'],
  ["a token that is null", '{"type":"text","token":null}'],
  ["no token", '{"type":"text","last":true}'],
  ["last as text", '{"type":"text","token":"a","last":"true"}'],
  ["interruptible as the attribute's word", '{"type":"text","token":"a","interruptible":"any"}'],
  ["no source", '{"type":"play"}'],
  ["digits with a letter", '{"type":"sendDigits","digits":"12x"}'],
  ["no digits", '{"type":"sendDigits","digits":""}'],
  ["no language", '{"type":"language"}'],
  ["hand-over as an object", '{"type":"end","handoffData":{}}'],
  ["a frame of Media Streams", '{"event":"media"}'],
] as const)("Twilio refuses %s", (_, text) => expect(parseServerMessage(text)).toBeUndefined())

test.each([
  ["true", "any"],
  ["false", "none"],
  ["dtmf", "dtmf"],
  ["speech", "speech"],
  [undefined, "speech"],
  ["nonsense", "speech"],
] as const)("interruptible=%p with a fallback of speech is %p", (value, expected) =>
  expect(parseInterruptible(value, "speech")).toBe(expected),
)

test("a kind of input is allowed alone or with any", () => {
  expect((["none", "dtmf", "speech", "any"] as const).map((kind) => allows(kind, "dtmf"))).toEqual([
    false,
    true,
    false,
    true,
  ])
})
