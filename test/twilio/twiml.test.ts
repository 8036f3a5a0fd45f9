/** TwiML as XML parsers see it: documented names, nothing empty, and text that stays text. */

import { describe, expect, test } from "bun:test"
import { XMLParser, XMLValidator } from "fast-xml-parser"
import { emptyTwiml, hangupTwiml, rejectTwiml, relayTwiml, sayTwiml } from "../../src/twilio/twiml.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"

const actionUrl = "https://voice.example.com/twilio/connect-ended"
const url = "wss://voice.example.com/twilio/relay/9f2c"
const bare = { actionUrl, url, attributes: {}, languages: [], parameters: {} }
const HOSTILE = [
  `"/><Dial>+15550109999</Dial>`,
  `'><Hangup/>`,
  `</ConversationRelay></Connect><Dial>1</Dial>`,
  `&amp;&lt;&#60;Dial&#62;`,
  `]]><!--`,
  `<![CDATA[<Dial/>]]>`,
  `<?xml version="1.0"?>`,
  `&undefined; & && &#0;`,
  `Zürich 你好 😀`,
]

describe("relay", () => {
  test("writes attributes, languages and parameters by their documented names", () => {
    const xml = relayTwiml({
      ...bare,
      welcomeGreeting: "Hello, how can I help?",
      attributes: {
        ttsProvider: "ElevenLabs",
        interruptible: "any",
        dtmfDetection: true,
        deepgramSmartFormat: false,
        eotThreshold: 0,
        ignoreBackchannel: true,
        events: "speaker-events tokens-played",
      },
      languages: [
        {
          code: "es-ES",
          ttsProvider: "Google",
          voice: "es-ES-Neural2-A",
          transcriptionProvider: "Google",
          speechModel: "",
        },
        { code: "fr-FR", voice: undefined },
        { code: "" },
      ],
      parameters: { agent: "front-desk", empty: "" },
    })
    expect(parseTwiml(xml)).toEqual([
      {
        name: "Connect",
        attributes: { action: actionUrl, method: "POST" },
        text: "",
        children: [
          {
            name: "ConversationRelay",
            attributes: {
              ttsProvider: "ElevenLabs",
              interruptible: "any",
              dtmfDetection: "true",
              deepgramSmartFormat: "false",
              eotThreshold: "0",
              ignoreBackchannel: "true",
              events: "speaker-events tokens-played",
              url,
              welcomeGreeting: "Hello, how can I help?",
            },
            text: "",
            children: [
              {
                name: "Language",
                attributes: {
                  code: "es-ES",
                  ttsProvider: "Google",
                  voice: "es-ES-Neural2-A",
                  transcriptionProvider: "Google",
                },
                text: "",
                children: [],
              },
              { name: "Language", attributes: { code: "fr-FR" }, text: "", children: [] },
              {
                name: "Parameter",
                attributes: { name: "agent", value: "front-desk" },
                text: "",
                children: [],
              },
              { name: "Parameter", attributes: { name: "empty", value: "" }, text: "", children: [] },
            ],
          },
        ],
      },
    ])
  })

  test("is well-formed XML with a declaration", () => {
    const xml = relayTwiml(bare)
    expect(xml).toBe(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="${actionUrl}" method="POST">` +
        `<ConversationRelay url="${url}"/></Connect></Response>`,
    )
    expect(XMLValidator.validate(xml)).toBe(true)
  })

  test("empty values, lists, objects and names that are none are left out", () => {
    // Values of a wrong type can come from a configuration only behind the compiler's back.
    const attributes = {
      a: "",
      b: null,
      c: undefined,
      d: [],
      e: [{ code: "es" }],
      f: { g: 1 },
      h: Number.NaN,
      languages: ["es"],
      parameters: [1],
      'x="1" onload': "y",
      "1st": "z",
      kept: "yes",
    } as unknown as Record<string, string>
    const [connect] = parseTwiml(relayTwiml({ ...bare, welcomeGreeting: "", attributes }))
    expect(connect?.children[0]?.attributes).toEqual({ kept: "yes", url })
  })

  test("the configuration cannot replace the address of the socket", () => {
    const attributes = { url: "wss://evil.example", welcomeGreeting: "Hi" }
    const [connect] = parseTwiml(relayTwiml({ ...bare, attributes }))
    expect(connect?.children[0]?.attributes).toEqual({ url })
  })

  test.each(HOSTILE)("hostile text stays text: %s", (text) => {
    const xml = relayTwiml({
      actionUrl: `${actionUrl}?x=${text}`,
      url: `${url}${text}`,
      welcomeGreeting: text,
      attributes: { hints: text },
      languages: [{ code: text, voice: text }],
      parameters: { [text]: text },
    })
    expect(XMLValidator.validate(xml)).toBe(true)
    expect(parseTwiml(xml)).toEqual([
      {
        name: "Connect",
        attributes: { action: `${actionUrl}?x=${text}`, method: "POST" },
        text: "",
        children: [
          {
            name: "ConversationRelay",
            attributes: { hints: text, url: `${url}${text}`, welcomeGreeting: text },
            text: "",
            children: [
              { name: "Language", attributes: { code: text, voice: text }, text: "", children: [] },
              { name: "Parameter", attributes: { name: text, value: text }, text: "", children: [] },
            ],
          },
        ],
      },
    ])
  })

  test("characters that XML forbids are taken out, line ends and emoji stay", () => {
    const xml = relayTwiml({ ...bare, welcomeGreeting: "a\u0000\u0001\u0008\u001f\ufffe\ud800b\n\tc😀" })
    const [connect] = parseTwiml(xml)
    expect(connect?.children[0]?.attributes["welcomeGreeting"]).toBe("ab\n\tc😀")
  })
})

describe("say", () => {
  test.each([
    ["then hang up", { text: "Goodbye.", then: "hangup" as const }, `<Say>Goodbye.</Say><Hangup/>`],
    [
      "then go on elsewhere",
      { text: "One moment.", then: { redirect: "https://a.example/b?c=1&d=2" } },
      `<Say>One moment.</Say><Redirect method="POST">https://a.example/b?c=1&amp;d=2</Redirect>`,
    ],
    [
      "with a voice",
      { text: "Hola", then: "hangup" as const, voice: "Polly.Lucia-Neural", language: "es-ES" },
      `<Say voice="Polly.Lucia-Neural" language="es-ES">Hola</Say><Hangup/>`,
    ],
    ["nothing to say", { text: " \u0000 ", then: "hangup" as const }, `<Hangup/>`],
    [
      "markup is read out",
      { text: "</Say><Dial>1</Dial>", then: "hangup" as const },
      `<Say>&lt;/Say&gt;&lt;Dial&gt;1&lt;/Dial&gt;</Say><Hangup/>`,
    ],
  ])("%s", (_, options, verbs) => {
    expect(sayTwiml(options)).toBe(`<?xml version="1.0" encoding="UTF-8"?><Response>${verbs}</Response>`)
  })

  test.each(HOSTILE)("hostile text stays text for another parser too: %s", (text) => {
    const parsed: unknown = new XMLParser({ ignoreAttributes: false, processEntities: false }).parse(
      sayTwiml({ text, then: { redirect: text } }),
    )
    expect(parsed).toEqual({
      "?xml": { "@_version": "1.0", "@_encoding": "UTF-8" },
      Response: { Say: expect.any(String), Redirect: { "#text": expect.any(String), "@_method": "POST" } },
    })
    expect(parseTwiml(sayTwiml({ text, then: "hangup" }))).toEqual([
      { name: "Say", attributes: {}, text, children: [] },
      { name: "Hangup", attributes: {}, text: "", children: [] },
    ])
  })
})

test.each([
  ["hang up", hangupTwiml(), `<Response><Hangup/></Response>`],
  ["nothing", emptyTwiml(), `<Response/>`],
  ["refuse", rejectTwiml("rejected"), `<Response><Reject reason="rejected"/></Response>`],
  ["busy", rejectTwiml("busy"), `<Response><Reject reason="busy"/></Response>`],
])("%s", (_, xml, expected) => expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>${expected}`))
