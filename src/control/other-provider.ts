/** Which speech provider a session uses after the one before it has failed. Pure. */

import type { Agent, Language, RelayAttributes } from "../assets/agent.ts"

/**
 * What failed, by the error code of the session. (Twilio: "ConversationRelay error codes": 64101 and 64106 refuse the
 * combination of language, provider and voice; 64111 and 64112 are text to speech; 64114 is speech to text.)
 */
const FAILED: Readonly<Record<string, { speech: boolean; transcription: boolean }>> = {
  "64101": { speech: true, transcription: true },
  "64106": { speech: true, transcription: true },
  "64111": { speech: true, transcription: false },
  "64112": { speech: true, transcription: false },
  "64114": { speech: false, transcription: true },
}

/** Whether an error code of a session says that a speech provider failed. */
export function isSpeechError(errorCode: string | null): errorCode is string {
  return errorCode !== null && Object.hasOwn(FAILED, errorCode)
}

/** The agent with other providers, whose voice and model are the defaults of the language; itself after other errors. */
export function withOtherProviders(agent: Agent, errorCode: string | null): Agent {
  const failed = FAILED[errorCode ?? ""]
  if (!failed) return agent
  const { attributes, languages } = agent.relay
  // Only ElevenLabs speaks `multi`, and only Deepgram hears it. (Twilio: "TwiML Voice: ConversationRelay".)
  const isMulti = (...names: string[]) =>
    names.some((name) => attributes[name] === "multi") || languages.some(({ code }) => code === "multi")
  const speech = failed.speech && !isMulti("language", "ttsLanguage")
  const transcription = failed.transcription && !isMulti("language", "transcriptionLanguage")
  const change: Partial<Language> = {
    ...(speech
      ? { ttsProvider: otherThan(attributes["ttsProvider"] ?? "ElevenLabs", "Google", "Amazon") }
      : {}),
    ...(transcription
      ? {
          transcriptionProvider: otherThan(
            attributes["transcriptionProvider"] ?? "Deepgram",
            "Google",
            "Deepgram",
          ),
        }
      : {}),
  }
  const dropped = [...(speech ? ["voice"] : []), ...(transcription ? ["speechModel"] : [])]
  return {
    ...agent,
    relay: {
      ...agent.relay,
      attributes: { ...without(attributes, dropped), ...change } as RelayAttributes,
      languages: languages.map(({ code, ...rest }) => ({ code, ...without(rest, dropped), ...change })),
    },
  }
}

function otherThan(failed: unknown, first: string, second: string): string {
  return failed === first ? second : first
}

function without<T extends object>(values: T, names: readonly string[]): Partial<T> {
  const kept = Object.entries(values).filter(([name]) => !names.includes(name))
  return Object.fromEntries(kept) as Partial<T>
}
