import { expect, test } from "bun:test"
import { MessageRecording } from "../../src/sim/message-recording.ts"
import { TestClock } from "../lib/test-clock.ts"

test("a message ends with silence, with a key, and with the call", async () => {
  using clock = new TestClock()
  const ended = async (attributes: Record<string, string>, end: (recording: MessageRecording) => void) => {
    const recording = new MessageRecording(attributes, clock.sweep)
    expect(recording.say("Please call me back.")).toBe(true)
    end(recording)
    clock.advance(5_000)
    return recording.recorded
  }
  const said = { text: "Please call me back.", seconds: 2 }
  expect(await ended({}, () => {})).toMatchObject({ ...said, digits: "" })
  expect(await ended({}, (recording) => recording.press("5"))).toMatchObject({ ...said, digits: "5" })
  expect(await ended({}, (recording) => recording.hangUp())).toMatchObject({ ...said, digits: "hangup" })
  expect(await ended({ finishOnKey: "" }, (recording) => recording.press("#"))).toMatchObject({ digits: "" })
  expect(clock.sweep.size).toBe(0)
})

test("nothing comes of silence, and a message has its longest length", async () => {
  using clock = new TestClock()
  const silent = new MessageRecording({ timeout: "3" }, clock.sweep)
  clock.advance(3_000)
  expect(await silent.recorded).toBeUndefined()
  expect(silent.say("late")).toBe(false)
  const long = new MessageRecording({ maxLength: "2" }, clock.sweep)
  long.say("a".repeat(300))
  expect((await long.recorded)?.seconds).toBe(2)
})
