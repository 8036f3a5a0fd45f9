/** TwiML as XML parsers see it: documented names, nothing empty, and text that stays text. */

import { describe, expect, test } from "bun:test"
import { XMLParser, XMLValidator } from "fast-xml-parser"
import type { NextStep } from "../../src/call/next-step.ts"
import { TransferTarget } from "../../src/call/transfer-target.ts"
import { renderNextStep } from "../../src/twilio/twiml.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"

const actionUrl = "https://voice.example.com/twilio/connect-ended"
const url = "wss://voice.example.com/twilio/relay/9f2c"
const bare = { kind: "connect-relay" as const, actionUrl, url, attributes: {}, languages: [], parameters: {} }
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
    const xml = renderNextStep({
      ...bare,
      greeting: "Hello, how can I help?",
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
    const xml = renderNextStep(bare)
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
    const [connect] = parseTwiml(renderNextStep({ ...bare, greeting: "", attributes }))
    expect(connect?.children[0]?.attributes).toEqual({ kept: "yes", url })
  })

  test("Twilio is not asked to open the same one-time address again", () => {
    const xml = renderNextStep({ ...bare, attributes: { applicationReconnect: true } })
    expect(xml).not.toContain("applicationReconnect")
  })

  test("the configuration cannot replace the address of the socket", () => {
    const attributes = { url: "wss://evil.example", welcomeGreeting: "Hi" }
    const [connect] = parseTwiml(renderNextStep({ ...bare, attributes }))
    expect(connect?.children[0]?.attributes).toEqual({ url })
  })

  test.each(HOSTILE)("hostile text stays text: %s", (text) => {
    const xml = renderNextStep({
      kind: "connect-relay",
      actionUrl: `${actionUrl}?x=${text}`,
      url: `${url}${text}`,
      greeting: text,
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

  test("characters that XML forbids are removed, line ends and emoji stay", () => {
    const xml = renderNextStep({ ...bare, greeting: "a\u0000\u0001\u0008\u001f\ufffe\ud800b\n\tc😀" })
    const [connect] = parseTwiml(xml)
    expect(connect?.children[0]?.attributes["welcomeGreeting"]).toBe("ab\n\tc😀")
  })
})

describe("stream", () => {
  const step = {
    kind: "connect-stream" as const,
    url: "wss://parley.test/twilio/media/t",
    nextUrl: "https://parley.test/next?a=1&b=2",
    parameters: {},
  }

  test("is connected, and the request for what follows stands behind it", () => {
    const verbs = parseTwiml(renderNextStep({ ...step, parameters: { name: "Ada <&>" } }))
    expect(verbs.map(({ name }) => name)).toEqual(["Connect", "Redirect"])
    expect(verbs[0]?.children).toMatchObject([
      {
        name: "Stream",
        attributes: { url: step.url },
        children: [{ name: "Parameter", attributes: { name: "name", value: "Ada <&>" } }],
      },
    ])
    expect(verbs[1]?.text).toBe(step.nextUrl)
  })

  test("a parameter that is too long for Twilio is left out", () => {
    const xml = renderNextStep({
      ...step,
      parameters: { fits: "x".repeat(495), tooLong: "x".repeat(493) },
    })
    expect({ fits: xml.includes("fits"), tooLong: xml.includes("tooLong") }).toEqual({
      fits: true,
      tooLong: false,
    })
  })
})

describe("transfer", () => {
  const SID = "WW0123456789abcdef0123456789abcdef"

  function transferTo(to: string, given: { callerId?: string } = {}): NextStep {
    return {
      kind: "transfer",
      target: TransferTarget.parse(to),
      actionUrl: "https://parley.test/ended?at=1&x=2",
      whisperUrl: "https://parley.test/whisper",
      timeoutSeconds: 20,
      task: { summary: 'Says "5 < 6 & 7"\u0000' },
      ...given,
    }
  }

  const verbsOf = (step: NextStep) => parseTwiml(renderNextStep(step))

  test("the extension of a number is dialled before the whisper", () => {
    const [dial] = verbsOf(transferTo("+15550100001;ext=12"))
    const { text, attributes } = dial?.children[0] ?? {}
    expect({ text, sendDigits: attributes?.["sendDigits"] }).toEqual({
      text: "+15550100001",
      sendDigits: "ww12",
    })
  })

  test.each([
    ["+15550100001", "Number"],
    ["sip:desk@pbx.example.com;transport=tls", "Sip"],
  ])("%s is dialled, and hears the whisper first", (to, noun) => {
    expect(verbsOf(transferTo(to))).toMatchObject([
      {
        name: "Dial",
        attributes: {
          action: "https://parley.test/ended?at=1&x=2",
          method: "POST",
          timeout: "20",
          answerOnBridge: "true",
        },
        children: [
          { name: noun, text: to, attributes: { url: "https://parley.test/whisper", method: "POST" } },
        ],
      },
    ])
  })

  test("the caller may hear a sentence first, and the person may see another number", () => {
    const then = transferTo("+15550100001", { callerId: "+15550100002" })
    const [say, dial] = verbsOf({ kind: "say", text: "I connect you.", then })
    expect({ name: say?.name, text: say?.text, callerId: dial?.attributes["callerId"] }).toEqual({
      name: "Say",
      text: "I connect you.",
      callerId: "+15550100002",
    })
  })

  test("a queue is named; a workflow gets the task as JSON", () => {
    expect(verbsOf(transferTo("queue:second line"))).toMatchObject([{ name: "Enqueue", text: "second line" }])
    const [enqueue] = verbsOf(transferTo(`workflow:${SID}`))
    expect(enqueue?.attributes).toMatchObject({ workflowSid: SID, method: "POST" })
    expect(JSON.parse(enqueue?.children[0]?.text ?? "")).toEqual({ summary: 'Says "5 < 6 & 7"\u0000' })
  })
})

test("no step has a character that XML forbids, wherever a text stands in it", () => {
  const texts = "a\u0000\u001f\ufffe\ud800b"
  const prompts = [{ kind: "text", text: texts } as const, { kind: "audio", url: texts } as const]
  const addresses = { actionUrl: texts, whisperUrl: texts, recordingUrl: texts, nextUrl: texts, url: texts }
  const speech = { language: texts, hints: [texts] }
  const kinds = ["number", "sip", "queue", "workflow"] as const
  const transfers = kinds.map((kind) => ({
    ...addresses,
    kind: "transfer" as const,
    timeoutSeconds: 20,
    callerId: texts,
    target: { kind, to: texts },
    task: { summary: texts },
  }))
  const steps: NextStep[] = [
    ...transfers,
    { kind: "connect-stream", ...addresses, parameters: { [texts]: texts } },
    { kind: "prompt", prompts, then: { kind: "say", text: texts, then: { kind: "hang-up" } } },
    {
      kind: "gather",
      prompts,
      ...addresses,
      ...speech,
      input: ["speech"],
      finishOnKey: "",
      timeoutSeconds: 5,
    },
    { kind: "redirect", ...addresses, afterSeconds: 0 },
  ]
  for (const step of steps) {
    const xml = renderNextStep(step)
    expect(XMLValidator.validate(xml)).toBe(true)
    // oxlint-disable-next-line no-control-regex -- these are what must not be there
    expect(xml).not.toMatch(/[\u0000-\u0008\u000e-\u001f\ufffe]/)
    expect(xml.isWellFormed()).toBe(true)
  }
})

describe("say", () => {
  const hangUp: NextStep = { kind: "hang-up" }

  test.each<[string, NextStep, string]>([
    [
      "then hang up",
      { kind: "say", text: "Goodbye.", then: hangUp },
      `<Response><Say>Goodbye.</Say><Hangup/></Response>`,
    ],
    [
      "then continue under another URL",
      {
        kind: "say",
        text: "One moment.",
        then: { kind: "redirect", url: "https://a.example/b?c=1&d=2", afterSeconds: 1 },
      },
      `<Response><Say>One moment.</Say><Pause length="1"/>` +
        `<Redirect method="POST">https://a.example/b?c=1&amp;d=2</Redirect></Response>`,
    ],
    [
      "then nothing, as a whisper",
      { kind: "say", text: "A <caller>", then: { kind: "nothing" } },
      `<Response><Say>A &lt;caller&gt;</Say></Response>`,
    ],
    [
      "a whisper without words is silence",
      { kind: "say", text: "  ", then: { kind: "nothing" } },
      `<Response/>`,
    ],
    ["nothing to say", { kind: "say", text: " \u0000 ", then: hangUp }, `<Response><Hangup/></Response>`],
    [
      "markup is read out",
      { kind: "say", text: "</Say><Dial>1</Dial>", then: hangUp },
      `<Response><Say>&lt;/Say&gt;&lt;Dial&gt;1&lt;/Dial&gt;</Say><Hangup/></Response>`,
    ],
  ])("%s", (_, step, xml) => {
    expect(renderNextStep(step)).toBe(`<?xml version="1.0" encoding="UTF-8"?>${xml}`)
  })

  test.each(HOSTILE)("hostile text stays text for another parser too: %s", (text) => {
    const then: NextStep = { kind: "redirect", url: text, afterSeconds: 1 }
    const parsed: unknown = new XMLParser({ ignoreAttributes: false, processEntities: false }).parse(
      renderNextStep({ kind: "say", text, then }),
    )
    expect(parsed).toEqual({
      "?xml": { "@_version": "1.0", "@_encoding": "UTF-8" },
      Response: {
        Say: expect.any(String),
        Pause: { "@_length": "1" },
        Redirect: { "#text": expect.any(String), "@_method": "POST" },
      },
    })
    expect(parseTwiml(renderNextStep({ kind: "say", text, then: hangUp }))).toEqual([
      { name: "Say", attributes: {}, text, children: [] },
      { name: "Hangup", attributes: {}, text: "", children: [] },
    ])
  })
})

test.each<[string, NextStep, string]>([
  ["hang up", { kind: "hang-up" }, `<Response><Hangup/></Response>`],
  ["nothing", { kind: "nothing" }, `<Response/>`],
  [
    "ask again",
    { kind: "redirect", url: "https://a.example/b?c=1&d=2", afterSeconds: 1 },
    `<Response><Pause length="1"/><Redirect method="POST">https://a.example/b?c=1&amp;d=2</Redirect></Response>`,
  ],
  [
    "a stream",
    {
      kind: "connect-stream",
      url: "wss://a.example/m",
      nextUrl: "https://a.example/n",
      parameters: { p: "" },
    },
    `<Response><Connect><Stream url="wss://a.example/m"><Parameter name="p" value=""/></Stream></Connect>` +
      `<Redirect method="POST">https://a.example/n</Redirect></Response>`,
  ],
  [
    "a transfer",
    {
      kind: "transfer",
      target: { kind: "number", to: "+15550100001" },
      actionUrl: "https://a.example/e",
      whisperUrl: "https://a.example/w",
      timeoutSeconds: 20,
      callerId: "+15550100002",
      task: {},
    },
    `<Response><Dial action="https://a.example/e" method="POST" timeout="20" answerOnBridge="true" ` +
      `callerId="+15550100002"><Number url="https://a.example/w" method="POST">+15550100001</Number></Dial></Response>`,
  ],
])("%s, to the byte", (_, step, expected) =>
  expect(renderNextStep(step)).toBe(`<?xml version="1.0" encoding="UTF-8"?>${expected}`),
)
