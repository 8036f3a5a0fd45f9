import { describe, expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { newCallId } from "../../src/call/ids.ts"
import type { Turn } from "../../src/call/turn.ts"
import { History } from "../../src/conversation/history.ts"
import { CallerTranscripts } from "../../src/realtime/caller-transcripts.ts"
import type { RealtimeEvent } from "../../src/realtime/protocol/server-events.ts"
import { TestClock } from "../lib/test-clock.ts"
import { notedLog } from "../relay/fixture.ts"

class Fixture implements Disposable {
  readonly clock = new TestClock()
  readonly startedAt = this.clock.now()
  readonly turns = new Map<string, Turn>()
  readonly events: CallEvent[] = []
  readonly log = notedLog()
  readonly fills: string[] = []
  readonly caller: CallerTranscripts

  constructor({ transcribes = true } = {}) {
    const keep = (turn: Turn) => void this.turns.set(turn.id, turn)
    this.caller = new CallerTranscripts({
      history: new History({ callId: newCallId(), keep }),
      keep,
      callerAudio: { pieces: 0, fill: (payload) => this.fills.push(payload) },
      transcribes,
      publish: (event) => this.events.push(event),
      sweep: this.clock.sweep,
      log: this.log,
    })
  }

  apply(event: RealtimeEvent, epoch = 1): void {
    this.caller.apply(event, { epoch })
  }

  started(itemId = "item_1"): void {
    this.apply({ type: "speech-started", itemId })
  }

  stopped(itemId = "item_1"): void {
    this.apply({ type: "speech-stopped", itemId })
  }

  committed(itemId = "item_1", epoch = 1): void {
    this.apply({ type: "committed", itemId }, epoch)
  }

  transcribed(text: string, { itemId = "item_1", epoch = 1, languages = [] as string[] } = {}): void {
    this.apply({ type: "caller-transcript", itemId, text, languages, usage: null }, epoch)
  }

  get texts(): string[] {
    return [...this.turns.values()].toSorted((a, b) => a.seq - b.seq).map(({ text }) => text)
  }

  [Symbol.dispose](): void {
    this.caller.close()
    expect(this.clock.sweep.size).toBe(0)
    this.clock[Symbol.dispose]()
  }
}

describe("a turn", () => {
  test("enters the history when it is committed, and is published when its transcript comes", () => {
    using fixture = new Fixture()
    fixture.started()
    fixture.clock.advance(700)
    fixture.stopped()
    fixture.clock.advance(100)
    fixture.committed()
    expect(fixture.texts).toEqual([""])
    fixture.transcribed(" Good day. ", { languages: ["en", "de"] })
    const [turn] = fixture.turns.values()
    expect(turn).toMatchObject({
      kind: "speech",
      speaker: "caller",
      text: "Good day.",
      lang: "en",
      startedAt: fixture.startedAt,
      endedAt: fixture.startedAt + 700,
    })
    expect(fixture.events).toEqual([
      {
        type: "caller.spoke",
        turnId: turn!.id,
        text: "Good day.",
        lang: "en",
        endedAt: new Date(fixture.startedAt + 700).toISOString(),
      },
    ])
  })

  test("without speech before it, such as one that was committed by hand, starts when it is committed", () => {
    using fixture = new Fixture()
    fixture.clock.advance(500)
    fixture.committed()
    expect([...fixture.turns.values()]).toMatchObject([{ startedAt: fixture.startedAt + 500 }])
  })

  test("keeps its place when transcripts come in another order", () => {
    using fixture = new Fixture()
    fixture.committed("item_1")
    fixture.committed("item_2")
    fixture.transcribed("two", { itemId: "item_2" })
    fixture.transcribed("one", { itemId: "item_1" })
    expect(fixture.texts).toEqual(["one", "two"])
  })

  test.each<[string, (fixture: Fixture) => void, string[]]>([
    [
      "a transcript that comes twice changes nothing",
      (fixture) => {
        fixture.committed()
        fixture.transcribed("one")
        fixture.transcribed("other")
      },
      ["one"],
    ],
    ["a transcript of an unknown item is ignored", (fixture) => fixture.transcribed("one"), []],
    [
      "items of another connection are others, even with the same id",
      (fixture) => {
        fixture.committed("item_1", 1)
        fixture.committed("item_1", 2)
        fixture.transcribed("two", { epoch: 2 })
      },
      ["", "two"],
    ],
    [
      "an empty transcript leaves an empty turn",
      (fixture) => {
        fixture.committed()
        fixture.transcribed("  ")
      },
      [""],
    ],
    [
      "a failed transcription leaves an empty turn",
      (fixture) => {
        fixture.committed()
        fixture.apply({ type: "caller-transcript-failed", itemId: "item_1", code: "audio_unintelligible" })
        fixture.transcribed("late")
      },
      [""],
    ],
  ])("%s", (_, happens, texts) => {
    using fixture = new Fixture()
    happens(fixture)
    expect(fixture.texts).toEqual(texts)
    const spoken = texts.filter((text) => text !== "")
    expect(fixture.events.map((event) => event.type === "caller.spoke" && event.text)).toEqual(spoken)
  })

  test("turns without a transcript are bounded: the oldest gives way", () => {
    using fixture = new Fixture()
    for (let n = 0; n <= 100; n++) fixture.committed(`item_${n}`)
    fixture.transcribed("too late", { itemId: "item_0" })
    fixture.transcribed("in time", { itemId: "item_1" })
    expect(fixture.texts.filter((text) => text !== "")).toEqual(["in time"])
  })
})

describe("isSpeaking and awaitsTranscript", () => {
  type State = { isSpeaking: boolean; awaitsTranscript: boolean }

  test.each<[string, (fixture: Fixture) => void, State]>([
    ["before any speech", () => {}, { isSpeaking: false, awaitsTranscript: false }],
    ["while the caller speaks", (fixture) => fixture.started(), { isSpeaking: true, awaitsTranscript: true }],
    [
      "while the caller speaks for long",
      (fixture) => {
        fixture.started()
        fixture.clock.advance(60_000)
      },
      { isSpeaking: true, awaitsTranscript: true },
    ],
    [
      "after the end of speech",
      (fixture) => {
        fixture.started()
        fixture.stopped()
      },
      { isSpeaking: false, awaitsTranscript: true },
    ],
    [
      "long after the end of speech that was never committed",
      (fixture) => {
        fixture.started()
        fixture.stopped()
        fixture.clock.advance(5_000)
      },
      { isSpeaking: false, awaitsTranscript: false },
    ],
    [
      "after a commit, also without an end of speech",
      (fixture) => {
        fixture.started()
        fixture.committed()
      },
      { isSpeaking: false, awaitsTranscript: true },
    ],
    [
      "long after a commit",
      (fixture) => {
        fixture.committed()
        fixture.clock.advance(5_000)
      },
      { isSpeaking: false, awaitsTranscript: false },
    ],
    [
      "after the transcript",
      (fixture) => {
        fixture.committed()
        fixture.transcribed("one")
      },
      { isSpeaking: false, awaitsTranscript: false },
    ],
    [
      "after speech was discarded with its connection",
      (fixture) => {
        fixture.started()
        fixture.caller.discardSpeech()
      },
      { isSpeaking: false, awaitsTranscript: false },
    ],
    [
      "in speech that had begun at the end of the call",
      (fixture) => {
        fixture.started()
        fixture.caller.close()
      },
      { isSpeaking: true, awaitsTranscript: true },
    ],
    [
      "in speech that begins after the end of the call",
      (fixture) => {
        fixture.caller.close()
        fixture.started()
      },
      { isSpeaking: false, awaitsTranscript: false },
    ],
  ])("%s", (_, happens, expected) => {
    using fixture = new Fixture()
    happens(fixture)
    const { isSpeaking, awaitsTranscript } = fixture.caller
    expect({ isSpeaking, awaitsTranscript }).toEqual(expected)
  })

  test("without transcription no transcript is awaited", () => {
    using fixture = new Fixture({ transcribes: false })
    fixture.started()
    const whileSpeaking = fixture.caller.awaitsTranscript
    fixture.committed()
    expect({ whileSpeaking, awaitsTranscript: fixture.caller.awaitsTranscript }).toEqual({
      whileSpeaking: false,
      awaitsTranscript: false,
    })
  })
})

test("silence is sent while a turn gets no audio, and not after its end", () => {
  using fixture = new Fixture()
  fixture.started()
  fixture.clock.advance(800)
  expect(fixture.fills).toHaveLength(1)
  fixture.stopped()
  fixture.clock.advance(10_000)
  expect(fixture.fills).toHaveLength(1)
})
