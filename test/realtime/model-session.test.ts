import { describe, expect, test } from "bun:test"
import { RealtimeSettings } from "../../src/assets/realtime-settings.ts"
import { ModelSession } from "../../src/realtime/model-session.ts"

type Setup = { settings?: object; wait?: string[] }

function modelSession({ settings = {}, wait = [] }: Setup = {}) {
  const prompt = { instructions: "Be kind.", tools: [] }
  const agent = {
    agent: { realtime: RealtimeSettings.parse(settings), phrases: { wait } },
    prompt: () => ({ ...prompt }),
  }
  const session = new ModelSession({ agent, model: "gpt-realtime-2.1", transcribeModel: "gpt-transcribe" })
  return { session, prompt }
}

describe("settings of the turns", () => {
  const byDefault = {
    model: "gpt-realtime-2.1",
    transcriber: "gpt-transcribe",
    serverInterrupts: true,
    serverAnswers: true,
    turnEndMs: 500,
    transcribes: true,
    playsHoldPrompts: false,
  }

  test.each<{ because: string; setup: Setup; differs: object }>([
    { because: "come from the server where the agent has none", setup: {}, differs: {} },
    {
      because: "name the agent's own models",
      setup: { settings: { model: "gpt-realtime-mini", transcription: { model: "whisper-1" } } },
      differs: { model: "gpt-realtime-mini", transcriber: "whisper-1" },
    },
    {
      because: "know that nothing is transcribed",
      setup: { settings: { transcription: null } },
      differs: { transcribes: false },
    },
    {
      because: "know who answers and interrupts, and when a turn ends",
      setup: {
        settings: {
          turnDetection: {
            type: "server_vad",
            createResponse: false,
            interruptResponse: false,
            silenceDurationMs: 900,
          },
        },
      },
      differs: { serverAnswers: false, serverInterrupts: false, turnEndMs: 900 },
    },
    {
      because: "play prompts where the agent has sentences for a caller who waits",
      setup: { wait: ["One moment, please."] },
      differs: { playsHoldPrompts: true },
    },
  ])("$because", ({ setup, differs }) => {
    const { session: _, ...settings } = modelSession(setup).session.turnSettings()
    expect(settings).toEqual({ ...byDefault, ...differs })
  })
})

describe("the session object", () => {
  test("has the prompt as it is when it is sent", () => {
    const { session, prompt } = modelSession()
    const { session: object } = session.turnSettings()
    prompt.instructions = "Be brief."
    expect(object()).toMatchObject({ instructions: "Be brief." })
  })

  test("names the language that was switched to last", () => {
    const { session } = modelSession()
    const { session: object } = session.turnSettings()
    session.speak("de-DE")
    session.speak("fr-FR")
    expect(object()).toMatchObject({ instructions: "Be kind.\n\nFrom now on, speak the language fr-FR." })
  })
})
