import { expect, test } from "bun:test"
import { DEMO_SCENARIO, playScenario, type ScenarioEvent, type ScenarioStep } from "../../src/sim/scenario.ts"
import { fixture, relay, type Peer, type Script } from "./fixture.ts"

const script: Script = ({ path }) =>
  path === "/ended" ? "<Hangup/>" : relay('welcomeGreeting="Hello." dtmfDetection="true"')

const STORY = "Once upon a time there was a very old king who had three sons and a horse."

/** Answers as the demo does. */
function answer(peer: Peer): void {
  const say = (token: string) => peer.send({ type: "text", token, last: true })
  peer.frames.listen(({ type, voicePrompt, digit, utteranceUntilInterrupt }) => {
    if (type === "interrupt") heardBefore.set(peer, String(utteranceUntilInterrupt))
    if (type === "dtmf") say(`Key ${String(digit)}.`)
    if (type !== "prompt") return
    const words = String(voicePrompt)
    if (words.includes("hours")) say("From nine to five.")
    else if (words.includes("press")) {
      say("One moment.")
      peer.send({ type: "sendDigits", digits: "123" })
      say("Done.")
    } else if (words.includes("story")) say(STORY)
    else if (words.includes("book")) say("Booked.")
    else if (words.includes("before")) say(`I said: ${heardBefore.get(peer)}.`)
    else if (words === "Goodbye") peer.send({ type: "end" })
  })
}
const heardBefore = new WeakMap<Peer, string>()

/** Plays a script while the clock runs as fast as the call can follow. */
async function play(
  steps: readonly ScenarioStep[],
  onPeer: (peer: Peer) => void,
  instructions: Script = script,
) {
  await using it = fixture(instructions, { onPeer })
  const events: ScenarioEvent[] = []
  const call = it.twilio.call()
  const playing = playScenario(call, steps, { sweep: it.clock.sweep, onEvent: (event) => events.push(event) })
  const outcome = playing.then(
    (summary) => summary.status,
    (error: unknown) => String(error),
  )
  const peer = await it.server.peers.next()
  // The socket is real: each turn of the loop lets its frames arrive before the clock advances.
  while (peer.open) {
    await it.clock.pass(20, 5)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    outcome: await outcome,
    lines: events.map(({ who, text, note }) => [who, text, ...(note ? [note] : [])]),
  }
}

test("the demo runs from the greeting to the agent's goodbye", async () => {
  const { outcome, lines } = await play(DEMO_SCENARIO, answer)
  expect(outcome).toBe("completed")
  const cut = String(lines.find(([, , note]) => note === "cut off")?.[1])
  expect(STORY.startsWith(cut)).toBe(true)
  expect(cut.split(" ").length).toBeGreaterThanOrEqual(8)
  expect(lines).toEqual([
    ["agent", "Hello."],
    ["caller", "What are your opening hours?"],
    ["agent", "From nine to five."],
    ["caller", "Please press 1 2 3 for me"],
    ["agent", "One moment."],
    ["agent", "123", "keys"],
    ["agent", "Done."],
    ["caller", "Tell me a long story"],
    ["agent", cut, "cut off"],
    ["caller", "Stop, book me a table for Tuesday at seven", "interrupts"],
    ["agent", "Booked."],
    ["caller", "What did you say before I interrupted you?"],
    ["agent", `I said: ${cut}.`],
    ["caller", "Goodbye"],
    ["system", "call ended: completed"],
  ])
})

test("keys, pauses and a hang-up are steps too", async () => {
  const { outcome, lines } = await play(
    [
      { type: "listen" },
      { type: "press", digits: "7" },
      { type: "listen" },
      { type: "pause", ms: 2_000 },
      { type: "hang-up" },
    ],
    answer,
  )
  expect(outcome).toBe("completed")
  expect(lines).toEqual([
    ["agent", "Hello."],
    ["caller", "7", "keys"],
    ["agent", "Key 7."],
    ["caller", "", "hangs up"],
    ["system", "call ended: completed"],
  ])
})

test("an agent that says nothing fails the step it keeps waiting", async () => {
  const { outcome } = await play(
    [{ type: "listen" }, { type: "say", text: "Hm?" }, { type: "listen" }],
    answer,
  )
  expect(outcome).toBe("Error: step 3 of the scenario (listen) took more than 30000 ms")
})

test("an agent that ends too early fails the step", async () => {
  const { outcome } = await play(
    [{ type: "listen" }, { type: "say", text: "Goodbye" }, { type: "listen" }],
    answer,
  )
  expect(outcome).toBe("Error: step 3 of the scenario (listen) found the call over")
})

test("an audio script waits for the agent's audio, speaks and interrupts", async () => {
  const streamed: Script = () => '<Connect><Stream url="wss://parley.test/media/t1"/></Connect><Hangup/>'
  const audio = (ms: number) => new Uint8Array(ms * 8).fill(0x20)
  const { outcome, lines } = await play(
    [
      { type: "hear" },
      { type: "speak", audio: audio(100), text: "a question" },
      { type: "speak-over", afterMs: 400, audio: audio(60), text: "another" },
      { type: "hear" },
      { type: "hang-up" },
    ],
    (peer) => {
      let loud = 0
      peer.frames.listen((frame) => {
        const { event, streamSid } = frame
        const say = (ms: number, pieces: number) => {
          for (let piece = 0; piece < pieces; piece++) {
            peer.send({ event: "media", streamSid, media: { payload: audio(ms).toBase64() } })
          }
        }
        if (event === "start") say(500, 1)
        if (event !== "media" || !JSON.stringify(frame).includes("ICAgICAg")) return
        loud += 1
        if (loud === 5) say(200, 10)
        if (loud === 6) peer.send({ event: "clear", streamSid })
        if (loud === 8) say(300, 1)
      })
    },
    streamed,
  )
  expect(outcome).toBe("completed")
  const cut = lines.find(([, , note]) => note === "cut off")?.[1]
  expect(lines).toEqual([
    ["agent", "(speaks for 0.5 s)"],
    ["caller", "a question"],
    ["caller", "another", "interrupts"],
    ["agent", String(cut), "cut off"],
    ["agent", "(speaks for 0.3 s)"],
    ["caller", "", "hangs up"],
    ["system", "call ended: completed"],
  ])
})
