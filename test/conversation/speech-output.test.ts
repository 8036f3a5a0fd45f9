/** The contract of speech outputs, kept by each of them. */

import { base64Ms, silence } from "../../src/audio/mulaw.ts"
import { newCallId } from "../../src/call/ids.ts"
import { History } from "../../src/conversation/history.ts"
import { AgentAudio } from "../../src/media/agent-audio.ts"
import { MediaOutput } from "../../src/media/media-output.ts"
import { MediaStream } from "../../src/media/media-stream.ts"
import { RelayOutput } from "../../src/relay/relay-output.ts"
import { speechOutputContract, type SpeechOutputSubject } from "../contract/speech-output.contract.ts"
import { TestClock } from "../lib/test-clock.ts"
import { CallFixture } from "./call-fixture.ts"
import { NotedSocket, notedLog } from "../relay/fixture.ts"

const MS_PER_CHARACTER = 50

/** ConversationRelay whose Twilio reports nothing, as where no such report was asked for. */
function relay(): SpeechOutputSubject {
  const clock = new TestClock()
  const socket = new NotedSocket()
  return {
    clock,
    output: new RelayOutput({ socket, sweep: clock.sweep, log: notedLog() }),
    spoken: () => socket.frames.map((frame) => (frame.type === "text" ? frame.token : "")).join(""),
    sentDigits: () => socket.frames.some(({ type }) => type === "sendDigits"),
    hearAll: () => clock.advance(60_000),
    [Symbol.dispose]: () => clock[Symbol.dispose](),
  }
}

/** A media stream whose Twilio echoes each mark. */
function media(): SpeechOutputSubject {
  const fixture = new CallFixture()
  const { clock, context } = fixture
  const spoken: string[] = []
  const marks: string[] = []
  let tonesMs = 0
  const socket = {
    send(text: string) {
      const { event, mark, media } = JSON.parse(text)
      if (event === "mark") marks.push(mark.name)
      if (event === "media") tonesMs += base64Ms(media.payload)
      return text.length
    },
    close() {},
  }
  const stream = new MediaStream({ socket, streamSid: "MZ1", clock })
  const audio = new AgentAudio({
    stream,
    history: new History({ callId: newCallId(), keep() {} }),
    clock,
    publish() {},
    callId: newCallId(),
    tap: { hasListeners: () => false, inbound() {}, outbound() {} },
  })
  const output = new MediaOutput({
    stream,
    audio,
    context,
    speak(text) {
      spoken.push(text)
      audio.playSentence(silence(text.length * MS_PER_CHARACTER).toBase64(), text)
    },
    stop: () => void audio.cut(),
    switchLanguage() {},
  })
  return {
    clock,
    output,
    spoken: () => spoken.join(""),
    sentDigits: () => tonesMs > 0,
    hearAll() {
      clock.advance(Math.max(0, output.quietAt() - clock.monotonic()))
      for (const mark of marks.splice(0)) output.reached(mark)
    },
    [Symbol.dispose]: () => fixture[Symbol.dispose](),
  }
}

speechOutputContract("ConversationRelay", relay)
speechOutputContract("media stream", media)
