/** What Simple Conversation Relay promised of a caller who speaks several languages. */

import { describe, expect, test } from "bun:test"
import { callsTool, says } from "../fakes/openai-script.ts"
import {
  manifestOf,
  type RelayCaller,
  simpleRelayHarness,
  type SimpleRelayHarness,
} from "./simple-relay-harness.ts"
import { rejection } from "../llm/fixture.ts"

describe("the caller's language", () => {
  const MULTI = {
    welcomeGreeting: "",
    transcriptionProvider: "Deepgram",
    speechModel: "nova-3-general",
    ttsProvider: "ElevenLabs",
    language: "en-AU",
    ttsLanguage: "en-AU",
    transcriptionLanguage: "multi",
    languages: ["en-AU", "fr-FR", "es-ES"].map((code) => ({ code, ttsProvider: "ElevenLabs", voice: "v1" })),
  }
  const multi = () => {
    return simpleRelayHarness({
      assets: {
        "serverConfig.json": { ConversationRelay: { Configuration: MULTI } },
        "languageTools.json": manifestOf("switch-language"),
      },
    })
  }

  async function languagesFor(harness: SimpleRelayHarness, call: RelayCaller, langs: readonly string[]) {
    for (const lang of langs) {
      harness.openai.enqueue(says("Ok."))
      call.say("words", lang)
      await call.answered()
    }
    return (await call.frames()).flatMap(({ type, ttsLanguage }) =>
      type === "language" ? [ttsLanguage] : [],
    )
  }

  test("is followed among the declared ones, the first at once and others after two prompts", async () => {
    await using harness = await multi()
    const heard = ["en", "en", "fr", "fr", "fr", "es", "en", "es", "es", "de", "de"]
    expect(await languagesFor(harness, await harness.call(), heard)).toEqual(["en-AU", "fr-FR", "es-ES"])
  })

  test("is no longer followed once a language was chosen", async () => {
    await using harness = await multi()
    const call = await harness.call({ manifestKey: "languageTools" })
    await call.ask("French please", callsTool("switch-language", { ttsLanguage: "fr-FR" }), says("Oui."))
    expect(await languagesFor(harness, call, ["en", "es", "es"])).toEqual(["en-AU", "fr-FR"])
  })

  test("is followed among those that another application names in its parameters", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call({ crLanguages: "de-DE,it-IT", crTtsLanguage: "de-DE" })
    expect(await languagesFor(harness, call, ["it", "de", "de"])).toEqual(["it-IT", "de-DE"])
  })

  test("multi is refused with a provider that cannot do it", async () => {
    const google = { ...MULTI, transcriptionProvider: "Google", speechModel: "telephony" }
    const assets = { "serverConfig.json": { ConversationRelay: { Configuration: google } } }
    expect(await rejection(simpleRelayHarness({ assets }))).toMatchObject({
      message: expect.stringMatching(/multi/),
    })
  })
})
