/** Fixed sentences: synthesized once, spoken from the cache afterwards, on disk and in memory. */

import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { getLog } from "../../../src/lib/log.ts"
import { CachedSynthesizer } from "../../../src/speech/cache/cached-synthesizer.ts"
import { PhraseCache } from "../../../src/speech/cache/phrase-cache.ts"
import { fluxSpeech } from "../../../src/speech/deepgram/flux-speech.ts"
import { SocketSynthesizer } from "../../../src/speech/socket-synthesizer.ts"
import type { OpenSynthesizer, UtteranceEvent } from "../../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { synthesizerContract } from "../../contract/synthesizer.contract.ts"
import { DEEPGRAM_KEY, FakeDeepgram, textOfVoice } from "../../fakes/fake-deepgram.ts"
import { speechServices } from "../speech-fixture.ts"

const root = mkdtempSync(join(tmpdir(), "parley-phrases-"))
afterAll(() => rmSync(root, { recursive: true }))
let folders = 0
const newFolder = () => join(root, String(folders++), "speech")

const log = getLog("speech")
const GREETING = "Hello, how can I help you?"

class Deepgram extends FakeDeepgram {
  said(): string {
    return this.peers.all.map((peer) => this.speechOf(peer).said).join("")
  }

  async breakAfter(characters: number): Promise<void> {
    const peer = await this.peers.next()
    await peer.texts.next(({ type }) => type === "Speak")
    this.speechOf(peer).speak(characters)
    peer.drop()
  }
}

type Options = {
  cache?: PhraseCache
  folder?: string | undefined
  voice?: string
  isFixed?: (text: string) => boolean
}

function cached(open: OpenSynthesizer, options: Options = {}): OpenSynthesizer {
  const { folder, voice = "flux", isFixed = () => true } = options
  const { cache = new PhraseCache({ folder, log }) } = options
  return (lost) => new CachedSynthesizer({ synthesizer: open(lost), cache, voice, isFixed, log })
}

let fake: Deepgram
synthesizerContract("with a cache", {
  start: () => (fake = new Deepgram()),
  open: (_, services) =>
    cached(
      (lost) =>
        new SocketSynthesizer(fluxSpeech({ baseUrl: fake.baseUrl, apiKey: DEEPGRAM_KEY }), services, lost),
    ),
  msPerCharacter: 10,
  textOf: textOfVoice,
  hasConnection: true,
})

async function open(options: Options = {}) {
  const server = new Deepgram()
  const fixture = speechServices()
  const account = { baseUrl: server.baseUrl, apiKey: DEEPGRAM_KEY }
  const make = (more: Options = {}) =>
    cached((lost) => new SocketSynthesizer(fluxSpeech(account), fixture.services, lost), {
      ...options,
      ...more,
    })(() => {})
  const say = async (synthesizer: ReturnType<typeof make>, ...clauses: string[]) => {
    const events = new AwaitableLog<UtteranceEvent>("utterance")
    const said = synthesizer.speak((event) => events.push(event))
    for (const clause of clauses) said.say(clause)
    said.finish()
    await events.next(({ type }) => type === "done")
    const audio = Buffer.concat(events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : [])))
    const last = events.all.findLast((event) => event.type === "position")
    return { text: textOfVoice(audio), last }
  }
  return {
    server,
    make,
    say,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test("a fixed sentence is synthesized once and sounds the same afterwards, with its positions", async () => {
  await using s = await open()
  const synthesizer = s.make()
  const first = await s.say(synthesizer, "Hello, ", "how can I help you?")
  const second = await s.say(synthesizer, GREETING)
  expect(second).toEqual(first)
  expect(second).toEqual({ text: GREETING, last: { type: "position", chars: 26, ms: 260 } })
  expect(s.server.said()).toBe(GREETING)
  synthesizer.close()
})

test("another process reads it from the disk, whose files are private", async () => {
  const folder = newFolder()
  await using s = await open({ folder })
  const cache = new PhraseCache({ folder, log })
  const one = s.make({ cache })
  await s.say(one, GREETING)
  await cache.settled()
  const two = s.make()
  expect((await s.say(two, GREETING)).text).toBe(GREETING)
  expect(s.server.said()).toBe(GREETING)
  const [name = ""] = readdirSync(folder)
  expect([statSync(folder).mode & 0o777, statSync(join(folder, name)).mode & 0o777]).toEqual([0o700, 0o600])
  expect(name).not.toContain("Hello")
  one.close()
  two.close()
})

test("another voice and another text are others", async () => {
  const folder = newFolder()
  await using s = await open({ folder })
  for (const [voice, text] of [
    ["a", "Hello."],
    ["b", "Hello."],
    ["b", "Hello!"],
  ] as const) {
    const synthesizer = s.make({ voice })
    await s.say(synthesizer, text)
    synthesizer.close()
  }
  expect(s.server.said()).toBe("Hello.Hello.Hello!")
})

test("answers of a model are not stored", async () => {
  await using s = await open({ isFixed: (text) => text === GREETING })
  const synthesizer = s.make()
  await s.say(synthesizer, "Your number is 4711.")
  await s.say(synthesizer, "Your number is 4711.")
  expect(s.server.said()).toBe("Your number is 4711.Your number is 4711.")
  synthesizer.close()
})

test("a sentence that was interrupted is not stored", async () => {
  await using s = await open()
  const synthesizer = s.make()
  const events = new AwaitableLog<UtteranceEvent>("utterance")
  s.server.speaks = false
  const said = synthesizer.speak((event) => events.push(event))
  said.say(GREETING)
  said.finish()
  const peer = await s.server.peers.next()
  await peer.texts.next(({ type }) => type === "Speak")
  s.server.speechOf(peer).speak(5)
  await events.next(({ type }) => type === "audio")
  said.cancel(50)
  s.server.speaks = true
  expect((await s.say(synthesizer, GREETING)).text).toBe(GREETING)
  synthesizer.close()
})

test("a damaged file is synthesized again", async () => {
  const folder = newFolder()
  await using s = await open({ folder })
  const cache = new PhraseCache({ folder, log })
  const one = s.make({ cache })
  await s.say(one, GREETING)
  await cache.settled()
  const [name = ""] = readdirSync(folder)
  writeFileSync(join(folder, name), "damaged")
  const two = s.make()
  expect((await s.say(two, GREETING)).text).toBe(GREETING)
  expect(s.server.said()).toBe(GREETING + GREETING)
  one.close()
  two.close()
})

test("the disk and the memory have limits: what was not used for the longest time goes first", async () => {
  const folder = newFolder()
  const cache = new PhraseCache({ folder, log, maxDiskBytes: 2_500, maxMemoryBytes: 1_000 })
  const phrase = { audio: new Uint8Array(1_000), positions: [] }
  for (const [at, key] of ["a", "b"].entries()) {
    await cache.write(key, phrase)
    utimesSync(join(folder, `${key}.phrase`), at + 1, at + 1)
  }
  await cache.read("a")
  await cache.write("c", phrase)
  expect(readdirSync(folder).toSorted()).toEqual(["a.phrase", "c.phrase"])
  expect(await cache.read("b")).toBeUndefined()
  expect((await cache.read("a"))?.audio.length).toBe(1_000)
})

test("a folder that cannot be written disturbs nobody", async () => {
  const file = join(root, "file")
  writeFileSync(file, "")
  await using s = await open({ folder: join(file, "speech") })
  const synthesizer = s.make()
  await s.say(synthesizer, GREETING)
  expect((await s.say(synthesizer, GREETING)).text).toBe(GREETING)
  synthesizer.close()
})
