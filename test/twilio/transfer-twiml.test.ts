import { expect, test } from "bun:test"
import { TransferTarget } from "../../src/call/transfer-target.ts"
import { transferTwiml, whisperTwiml } from "../../src/twilio/transfer-twiml.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"

const SID = "WW0123456789abcdef0123456789abcdef"

function twiml(to: string, given: Partial<Parameters<typeof transferTwiml>[0]> = {}) {
  return parseTwiml(
    transferTwiml({
      target: TransferTarget.parse(to),
      actionUrl: "https://parley.test/ended?at=1&x=2",
      whisperUrl: "https://parley.test/whisper",
      timeoutSeconds: 20,
      task: { summary: 'Says "5 < 6 & 7"\u0000' },
      ...given,
    }),
  )
}

test.each([
  ["+15550100001", "Number"],
  ["sip:desk@pbx.example.com;transport=tls", "Sip"],
])("%s is dialled, and hears the whisper first", (to, noun) => {
  expect(twiml(to)).toMatchObject([
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
  const [say, dial] = twiml("+15550100001", { announcement: "I connect you.", callerId: "+15550100002" })
  expect([say?.name, say?.text, dial?.attributes["callerId"]]).toEqual([
    "Say",
    "I connect you.",
    "+15550100002",
  ])
})

test("a queue is named; a workflow gets the task as JSON", () => {
  expect(twiml("queue:second line")).toMatchObject([{ name: "Enqueue", text: "second line" }])
  const [enqueue] = twiml(`workflow:${SID}`)
  expect(enqueue?.attributes).toMatchObject({ workflowSid: SID, method: "POST" })
  expect(JSON.parse(enqueue?.children[0]?.text ?? "")).toEqual({ summary: 'Says "5 < 6 & 7"\u0000' })
})

test("a whisper without words is silence", () => {
  expect([parseTwiml(whisperTwiml("  ")), parseTwiml(whisperTwiml("A <caller>"))[0]?.text]).toEqual([
    [],
    "A <caller>",
  ])
})
