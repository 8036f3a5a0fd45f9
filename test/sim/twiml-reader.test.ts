/** Reading TwiML: order, text and entities as Twilio takes them; bad documents with a clear error. */

import { expect, test } from "bun:test"
import { AppError } from "../../src/lib/errors.ts"
import { parseTwiml, type TwimlVerb } from "../../src/sim/twiml-reader.ts"

function verb(name: string, fields: Partial<TwimlVerb> = {}): TwimlVerb {
  return { name, attributes: {}, text: "", children: [], ...fields }
}

test.each<[string, string, TwimlVerb[]]>([
  ["nothing to do", "<Response/>", []],
  [
    "with a declaration and white space",
    `\n<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n</Response>\n`,
    [],
  ],
  [
    "verbs in their order",
    "<Response><Say>a</Say><Pause length='2'/><Say>b</Say></Response>",
    [verb("Say", { text: "a" }), verb("Pause", { attributes: { length: "2" } }), verb("Say", { text: "b" })],
  ],
  [
    "children in their order",
    `<Response><Gather numDigits="1"><Say>x</Say><Play>y</Play><Say>z</Say></Gather></Response>`,
    [
      verb("Gather", {
        attributes: { numDigits: "1" },
        children: [verb("Say", { text: "x" }), verb("Play", { text: "y" }), verb("Say", { text: "z" })],
      }),
    ],
  ],
  [
    "text around a child",
    "<Response><Dial> +1555 <Number>2</Number></Dial></Response>",
    [verb("Dial", { text: "+1555", children: [verb("Number", { text: "2" })] })],
  ],
  [
    "numbers stay texts",
    `<Response><Dial timeout="010">007</Dial></Response>`,
    [verb("Dial", { text: "007", attributes: { timeout: "010" } })],
  ],
  [
    "entities",
    `<Response><Say voice="a&quot;b">x &lt;Dial&gt; &amp;amp; &#233;&#x1F600;</Say></Response>`,
    [verb("Say", { text: "x <Dial> &amp; é😀", attributes: { voice: `a"b` } })],
  ],
  ["CDATA", "<Response><Say>a<![CDATA[<b>]]></Say></Response>", [verb("Say", { text: "a<b>" })]],
  ["comments", "<Response><!-- <Dial/> --><Hangup/></Response>", [verb("Hangup")]],
])("%s", (_, xml, expected) => expect(parseTwiml(xml)).toEqual(expected))

test.each([
  ["nothing", "", "TwiML"],
  ["no XML", "Internal Server Error", "TwiML"],
  ["JSON", `{"error":"x"}`, "TwiML"],
  ["an element that is not closed", "<Response>\n<Say>a</Response>", "line 2"],
  [
    "a bare ampersand in an attribute's quotes left open",
    `<Response><Say voice="a>b</Say></Response>`,
    "TwiML is not well-formed",
  ],
  ["another root", "<html><body/></html>", "must be one <Response>"],
  ["two roots", "<Response/><Response/>", "TwiML"],
  ["a document type", `<!DOCTYPE x [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>`, "document type"],
  ["a huge document", `<Response><Say>${"a".repeat(70_000)}</Say></Response>`, "65536 characters"],
  ["too many elements", `<Response>${"<Pause/>".repeat(1001)}</Response>`, "1000 elements"],
  ["too many levels", `<Response>${"<A>".repeat(20)}${"</A>".repeat(20)}</Response>`, "16 levels"],
])("refused: %s", (_, xml, words) => {
  expect(() => parseTwiml(xml)).toThrow(AppError)
  expect(() => parseTwiml(xml)).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining(words) }),
  )
})
