/** A third engine, for tests: says back the digits, messages and audio it is given. Takes the reserved name `pipeline`. */

import { base64Ms, silence } from "../../src/audio/mulaw.ts"
import type { SessionEnd } from "../../src/call/session-end.ts"
import { CallAgent } from "../../src/conversation/call-agent.ts"
import { historyOf, type CallContext } from "../../src/conversation/call-context.ts"
import { DtmfBuffer } from "../../src/conversation/dtmf-buffer.ts"
import { EndAfterPlayback } from "../../src/conversation/end-after-playback.ts"
import { IncomingTurns } from "../../src/conversation/incoming-turns.ts"
import { createEngines, type EngineServices, type EngineTable } from "../../src/engines.ts"
import { AgentAudio } from "../../src/media/agent-audio.ts"
import { MediaOutput } from "../../src/media/media-output.ts"
import type { MediaEngine } from "../../src/media/media-session.ts"
import type { MediaStream } from "../../src/media/media-stream.ts"

const MS_PER_CHARACTER = 50
const QUIET_FRAME = silence(20).toBase64()
/** Frames of silence after which the caller has finished. */
const PAUSE_FRAMES = 20

/** The engines of this version, and the echo. */
export function withEcho(services: EngineServices): EngineTable {
  return {
    ...createEngines(services),
    pipeline: (context, stream) => openEcho(context, stream, services),
  }
}

function openEcho(context: CallContext, stream: MediaStream, { tap }: EngineServices): MediaEngine {
  const { call, publish, sweep, times } = context
  const { clock } = sweep
  const history = historyOf(context)
  const audio = new AgentAudio({ stream, history, clock, publish, callId: call.id, tap })
  const output = new MediaOutput({
    stream,
    audio,
    context,
    speak: (text) => audio.playSentence(silence(text.length * MS_PER_CHARACTER).toBase64(), text),
    stop: () => void audio.cut(),
    switchLanguage: () => {},
  })
  const ending = new EndAfterPlayback({ output, end: (end) => output.end(end), sweep })
  const incoming = new IncomingTurns({ history, clock, publish })
  const agent: CallAgent = new CallAgent({
    context,
    facts: { sessionId: stream.streamSid },
    output,
    engine: {
      busy: () => false,
      greet: (text) => output.sentence(text),
      say: (text) => output.sentence(text),
      insert: (message) => engine.insert(message),
      forget: () => history.forget(),
      promptChanged: () => output.sentence(`Now I use ${agent.agent.context.key}.`),
      wrapUp: (text, end) => wrapUp(text, end),
    },
  })
  const onDigits = (digits: string) => {
    output.interrupt()
    incoming.digits(digits)
    if (digits !== "0#") return output.sentence(digits)
    wrapUp("Goodbye.", { reason: "agent-ended", detail: "The caller pressed 0" })
  }
  const dtmf = new DtmfBuffer({ sweep, pauseMs: times.digitsMs, onDigits })

  function wrapUp(text: string, end: SessionEnd): void {
    agent.close()
    output.sentence(text)
    ending.request(end)
  }

  let spoken: string[] = []
  let quietFrames = 0
  function hear(payload: string): void {
    if (payload !== QUIET_FRAME) spoken.push(payload)
    quietFrames = payload === QUIET_FRAME ? quietFrames + 1 : 0
    if (spoken.length === 0 || quietFrames < PAUSE_FRAMES) return
    const text = `${spoken.reduce((ms, frame) => ms + base64Ms(frame), 0)} ms of audio`
    agent.resetSilence()
    incoming.speech(text, undefined)
    audio.playSentence(Buffer.concat(spoken.map((frame) => Buffer.from(frame, "base64"))).toBase64(), text)
    spoken = []
  }

  const engine: MediaEngine = {
    callId: call.id,
    callerAudio: { hear },
    dtmf(digit) {
      agent.resetSilence()
      dtmf.add(digit)
    },
    reached(mark) {
      if (output.reached(mark)) ending.now()
    },
    get isEnding() {
      return !ending.isOpen
    },
    say: (text) => output.sentence(text),
    insert(message) {
      incoming.message(message)
      if (message.respond) output.sentence(message.text)
    },
    sendFrame() {},
    change: (change) => agent.change(change),
    wrapUp,
    close: (code, reason) => stream.close(code, reason),
    closed(onSettled) {
      agent.close()
      ending.close()
      audio.cut()
      onSettled()
    },
  }
  agent.start()
  return engine
}
