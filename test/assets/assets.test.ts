/** Assets: layers, agents, faults, and files that change under the program. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AssetError } from "../../src/assets/asset-error.ts"
import { createAssets, type LiveAssets } from "../../src/assets/assets.ts"
import type { Log } from "../../src/lib/log.ts"
import { TestClock } from "../lib/test-clock.ts"

const KNOWN_TOOLS = [
  "end-call",
  "send-dtmf",
  "switch-language",
  "play-media",
  "live-agent-handoff",
  "send-sms",
  "set-listen-mode",
  "set-silence-detection",
]

type Files = Record<string, unknown>

/** A folder of files, and what becomes of it. Objects are written as JSON. */
function setUp(files: Files = {}, { watch = false } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "parley-"))
  const lines: string[] = []
  const note = (message: string, fields?: Record<string, unknown>) =>
    void lines.push([message, ...Object.values(fields ?? {})].join(" "))
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log, background: () => {} }
  const clock = new TestClock()
  const write = (more: Files) => {
    for (const [name, content] of Object.entries(more)) {
      const text =
        content instanceof Uint8Array || typeof content === "string"
          ? content
          : JSON.stringify(content, null, 2)
      writeFileSync(join(dir, name), text)
    }
  }
  write(files)
  let opened: LiveAssets | undefined
  return {
    dir,
    lines,
    clock,
    write,
    async open() {
      opened = await createAssets({
        dir,
        log,
        knownTools: KNOWN_TOOLS,
        sweep: watch ? clock.sweep : undefined,
      })
      return opened
    },
    async faults() {
      try {
        await createAssets({ dir, log, knownTools: KNOWN_TOOLS })
      } catch (error) {
        if (error instanceof AssetError)
          return error.message
            .split("\n")
            .slice(1)
            .map((line) => line.trim())
        throw error
      }
      return []
    },
    [Symbol.dispose]() {
      opened?.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function config(relay: unknown, more: Files = {}): Files {
  return { "serverConfig.json": { ConversationRelay: { Configuration: relay }, ...more } }
}

describe("with no files at all", () => {
  test("the default agent is the one that is shipped", async () => {
    using t = setUp()
    const agent = (await t.open()).agentFor({})
    expect(agent).toMatchObject({
      key: "default",
      engine: "relay",
      greeting: "Hello there! How can I assist you today?",
      model: { provider: "auto" },
      relay: {
        attributes: {
          welcomeGreetingInterruptible: "any",
          language: "en-AU",
          ttsProvider: "ElevenLabs",
          voice: "IKne3meq5aSn9XLyUdCD",
          transcriptionProvider: "Deepgram",
          speechModel: "nova-3-general",
          interruptible: "any",
          interruptSensitivity: "medium",
          dtmfDetection: true,
          events: "speaker-events tokens-played",
        },
        languages: [
          { code: "en-AU", voice: "IKne3meq5aSn9XLyUdCD" },
          { code: "en-US", voice: "tnSpp4vdxKPjI9w0GnoV" },
        ],
        parameters: {},
      },
      silence: {
        enabled: false,
        secondsThreshold: 20,
        messages: ["Still there?", "Just checking you are still there?", "Hello? Are you still on the line?"],
      },
      listenMode: false,
    })
    expect(Object.keys(agent.relay.attributes)).not.toContain("welcomeGreeting")
    expect(agent.context.text).toContain("# Style Guardrails")
    // Messages cost money, so an agent sends them only where its own manifest says so.
    const shipped = KNOWN_TOOLS.filter((name) => name !== "send-sms")
    expect(agent.manifest.tools.map(({ name }) => name)).toEqual(shipped)
    expect(agent.context.version).toMatch(/^[0-9a-f]{12}$/)
  })

  test("a folder that does not exist is an empty one", async () => {
    using t = setUp()
    rmSync(t.dir, { recursive: true })
    expect((await t.open()).keys()).toEqual({
      agents: ["default"],
      contexts: ["defaultContext"],
      manifests: ["defaultToolManifest"],
    })
  })

  test.each([
    ["+266696687", false],
    ["030 123456", false],
    ["anonymous", false],
    ["+15550100002", true],
    ["client:desk", true],
  ])("the caller id %p of transfers is accepted: %p", async (callerId, accepted) => {
    using t = setUp({ "serverConfig.json": { agents: { default: { transfer: { callerId } } } } })
    const faults = await t.faults()
    expect(faults.some((fault) => fault.includes("callerId"))).toBe(!accepted)
  })

  test("an agent cannot be changed by who gets it", async () => {
    using t = setUp()
    const agent = (await t.open()).agentFor({})
    expect(
      [agent, agent.relay.attributes, agent.manifest.tools[0], agent.phrases.wait].every(Object.isFrozen),
    ).toBe(true)
  })
})

describe("files", () => {
  test("contexts and manifests are found by their names, and others are left alone", async () => {
    using t = setUp({
      "sales.md": "Sell.",
      "supportContext.txt": "Support.",
      "limitedTools.json": { tools: [] },
      "myManifest.json": { tools: [] },
      "notes.txt": "nothing",
      "other.json": "{broken",
      ".context.md": "hidden",
      "defaultContext.md~": "a copy",
    })
    expect((await t.open()).keys()).toEqual({
      agents: ["default"],
      contexts: ["defaultContext", "sales", "supportContext"],
      manifests: ["defaultToolManifest", "limitedTools", "myManifest"],
    })
  })

  test("a file takes the place of the embedded one with its key, and the version follows the text", async () => {
    using t = setUp({ "defaultContext.md": "\uFEFFBe brief." })
    const { context } = (await t.open()).agentFor({})
    expect(context).toEqual({
      key: "defaultContext",
      text: "Be brief.",
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    t.write({ "defaultContext.md": "Be very brief." })
    using again = await t.open()
    expect(again.agentFor({}).context.version).not.toBe(context.version)
  })

  test("the schema of a tool is checked in both shapes, and a fault names file and field", async () => {
    const parameters = { type: "object", properties: { list: { type: "array" } }, required: ["lst"] }
    const closed = { type: "object", properties: { a: { type: "string" } }, additionalProperties: false }
    using t = setUp({
      "flatTools.json": { tools: [{ name: "end-call", parameters }] },
      "nestedTools.json": { tools: [{ type: "function", function: { name: "end-call", parameters } }] },
      "strictTools.json": { tools: [{ name: "end-call", parameters: closed, strict: true }] },
    })
    expect(await t.faults()).toEqual([
      'flatTools.json:8 tools.0.parameters.properties.list: must have "items", because its type is array',
      "flatTools.json:12 tools.0.parameters.required: names lst, which is not among the properties",
      'nestedTools.json:10 tools.0.function.parameters.properties.list: must have "items", because its type is array',
      "nestedTools.json:14 tools.0.function.parameters.required: names lst, which is not among the properties",
      "strictTools.json:5 tools.0.parameters.required: must name a, because the tool is strict",
    ])
  })

  test("both shapes of a tool are stored flat", async () => {
    const parameters = { type: "object", properties: { conversationSummary: { type: "string" } } }
    using t = setUp({
      "flatTools.json": {
        tools: [{ type: "function", name: "end-call", description: "d", parameters, strict: false }],
      },
      "nestedTools.json": {
        tools: [
          { type: "function", function: { name: "end-call", description: "d", parameters, strict: false } },
        ],
      },
      "bareTools.json": { tools: [{ name: "end-call" }] },
    })
    const assets = await t.open()
    const tools = (manifestKey: string) => assets.agentFor({ manifestKey }).manifest.tools
    expect(tools("flatTools")).toEqual([{ name: "end-call", description: "d", parameters, strict: false }])
    expect(tools("nestedTools")).toEqual(tools("flatTools"))
    expect(tools("bareTools")).toEqual([
      {
        name: "end-call",
        description: "",
        parameters: { type: "object", properties: {}, additionalProperties: false },
      },
    ])
  })
})

describe("serverConfig.json", () => {
  test("empty values are left out and false stays", async () => {
    using t = setUp(
      config({
        welcomeGreeting: "",
        hints: "",
        voice: null,
        languages: [],
        dtmfDetection: false,
        interruptible: false,
      }),
    )
    const { relay, greeting } = (await t.open()).agentFor({})
    expect(relay).toEqual({
      attributes: { dtmfDetection: false, interruptible: false },
      languages: [],
      parameters: {},
    })
    expect(greeting).toBe("")
  })

  test("every attribute of the relay is accepted", async () => {
    const attributes = {
      welcomeGreetingInterruptible: "dtmf",
      language: "en-US",
      ttsLanguage: "de-DE",
      ttsProvider: "Google",
      voice: "de-DE-Standard-A",
      transcriptionLanguage: "fr-FR",
      transcriptionProvider: "Google",
      speechModel: "telephony",
      deepgramSmartFormat: false,
      interruptible: "speech",
      interruptSensitivity: "low",
      ignoreBackchannel: true,
      reportInputDuringAgentSpeech: "speech",
      preemptible: true,
      dtmfDetection: true,
      hints: "Acme,Zürich",
      speechTimeout: 700,
      eotThreshold: 0.7,
      partialPrompts: true,
      profanityFilter: false,
      events: "speaker-events",
      debug: "debugging",
      elevenlabsTextNormalization: "off",
      intelligenceService: "GA1",
      conversationConfiguration: "c1",
      conversationId: "c2",
      applicationReconnect: true,
      echoPromptFiltering: true,
      turnDetection: "on",
      backgroundNoiseReduction: "on",
    }
    using t = setUp(config(attributes))
    expect((await t.open()).agentFor({}).relay.attributes).toEqual(attributes)
  })

  test.each([
    [
      "lists become words",
      { hints: ["a", "b"], events: ["tokens-played", "speaker-events"] },
      { hints: "a,b", events: "tokens-played speaker-events" },
    ],
    [
      "texts of true and false are flags",
      { preemptible: "true", dtmfDetection: "false" },
      { preemptible: true, dtmfDetection: false },
    ],
    ["auto is a speech timeout", { speechTimeout: "auto" }, { speechTimeout: "auto" }],
    [
      "a flag becomes a kind of input",
      { reportInputDuringAgentSpeech: true },
      { reportInputDuringAgentSpeech: "any" },
    ],
    ["debug may be a flag", { debug: true }, { debug: "debugging" }],
    ["debug may be off", { debug: false }, {}],
  ])("%s", async (_, given, expected) => {
    using t = setUp(config(given))
    expect((await t.open()).agentFor({}).relay.attributes).toEqual(expected)
  })

  test.each([
    [
      "a list",
      [
        { name: "tier", value: "gold" },
        { name: "n", value: 1 },
      ],
    ],
    ["an object", { tier: "gold", n: 1 }],
  ])("parameters may be %s", async (_, parameters) => {
    using t = setUp(config({ parameters }))
    expect((await t.open()).agentFor({}).relay.parameters).toEqual({ tier: "gold", n: "1" })
  })

  test("a section that is not given comes from the shipped file", async () => {
    using t = setUp({ "serverConfig.json": { Server: { ListenMode: { enabled: true } } } })
    const agent = (await t.open()).agentFor({})
    expect({
      listenMode: agent.listenMode,
      voice: agent.relay.attributes["voice"],
      enabled: agent.silence.enabled,
    }).toEqual({ listenMode: true, voice: "IKne3meq5aSn9XLyUdCD", enabled: false })
  })

  test.each(["SilenceDetection", "silenceDetection"])(
    "silence may be spelt %s, and what is left out has a default",
    async (name) => {
      using t = setUp({ "serverConfig.json": { ConversationRelay: { [name]: { secondsThreshold: 5 } } } })
      expect((await t.open()).agentFor({}).silence).toMatchObject({
        enabled: true,
        secondsThreshold: 5,
        messages: { length: 3 },
      })
    },
  )

  test("a time zone is the agent's own or the default agent's, and must exist", async () => {
    const agents = { default: { timeZone: "Europe/Berlin" }, us: { timeZone: "America/New_York" }, other: {} }
    using t = setUp({ "serverConfig.json": { agents } })
    const assets = await t.open()
    const zones = ["default", "us", "other"].map((agent) => assets.agentFor({ agent }).timeZone)
    expect(zones).toEqual(["Europe/Berlin", "America/New_York", "Europe/Berlin"])
    using wrong = setUp({
      "serverConfig.json": { agents: { a: { timeZone: "+01:00" }, b: { timeZone: "Mars/Base" } } },
    })
    const fault = "must be a time zone of the IANA database, such as Europe/Berlin"
    expect(await wrong.faults()).toEqual([
      expect.stringContaining(`agents.a.timeZone: ${fault}`),
      expect.stringContaining(`agents.b.timeZone: ${fault}`),
    ])
  })

  test("languages are found at their old place", async () => {
    using t = setUp({
      "serverConfig.json": {
        ConversationRelay: {
          Configuration: { language: "en-US" },
          Languages: [{ code: "fr-FR", voice: "v" }],
        },
      },
    })
    expect((await t.open()).agentFor({}).relay.languages).toEqual([{ code: "fr-FR", voice: "v" }])
  })

  test.each([
    ["context and manifest", { context: "sales", manifest: "salesTools" }],
    ["active keys", { activeContextKey: "sales", activeManifestKey: "salesTools" }],
  ])("the loader names what is active by %s", async (_, AssetLoader) => {
    using t = setUp({
      "sales.md": "Sell.",
      "salesTools.json": { tools: [] },
      "serverConfig.json": { AssetLoader },
    })
    const { context, manifest } = (await t.open()).agentFor({})
    expect({ context: context.key, manifest: manifest.key }).toEqual({
      context: "sales",
      manifest: "salesTools",
    })
  })

  test("keys that mean nothing here are reported and ignored", async () => {
    using t = setUp({
      "serverConfig.json": { Extra: 1, Server: { Port: 2 }, AssetLoader: { assetLoaderType: "sync" } },
    })
    await t.open()
    expect(t.lines).toEqual([
      "part of an asset is ignored or replaced serverConfig.json: Extra is not used",
      "part of an asset is ignored or replaced serverConfig.json: Server.Port is not used",
    ])
  })
})

describe("agents", () => {
  const files = {
    "sales.md": "Sell.",
    "salesTools.json": { tools: [{ name: "end-call" }] },
    "serverConfig.json": {
      ConversationRelay: {
        Configuration: {
          welcomeGreeting: "Hello",
          language: "en-US",
          ttsProvider: "ElevenLabs",
          voice: "v1",
          parameters: { a: "1" },
        },
        SilenceDetection: { enabled: true, secondsThreshold: 7 },
      },
      agents: {
        default: { phrases: { goodbye: "Bye." }, model: "gpt-6-luna" },
        sales: {
          context: "sales",
          manifest: "salesTools",
          greeting: "",
          model: { provider: "demo", temperature: 0.5 },
          configuration: { ttsProvider: "Amazon", hints: "price", parameters: { b: "2" } },
          languages: [{ code: "es-ES" }],
          silenceDetection: { secondsThreshold: 9 },
          listenMode: true,
          phrases: { busy: "Busy." },
        },
      },
      numbers: { "+15550100001": "sales" },
    },
  }

  test("an agent is chosen by name, then by number, then by default", async () => {
    using t = setUp(files)
    const assets = await t.open()
    const keyOf = (choice: Parameters<LiveAssets["agentFor"]>[0]) => assets.agentFor(choice).key
    expect([
      keyOf({ agent: "sales" }),
      keyOf({ number: "+15550100001" }),
      keyOf({ agent: "default", number: "+15550100001" }),
      keyOf({ number: "+15550199999" }),
      keyOf({ number: "constructor" }),
    ]).toEqual(["sales", "sales", "default", "default", "default"])
  })

  test("an agent is laid over the default one and over the sections for all", async () => {
    using t = setUp(files)
    expect((await t.open()).agentFor({ agent: "sales" })).toMatchObject({
      context: { key: "sales", text: "Sell." },
      manifest: { key: "salesTools" },
      greeting: "",
      model: { provider: "demo", name: "gpt-6-luna", temperature: 0.5 },
      relay: {
        attributes: { language: "en-US", ttsProvider: "Amazon", hints: "price" },
        languages: [{ code: "es-ES" }],
        parameters: { a: "1", b: "2" },
      },
      silence: { enabled: true, secondsThreshold: 9 },
      listenMode: true,
      phrases: { goodbye: "Bye.", busy: "Busy." },
    })
  })

  test("a change of provider drops the voice of the earlier one", async () => {
    using t = setUp(files)
    expect((await t.open()).agentFor({ agent: "sales" }).relay.attributes).not.toHaveProperty("voice")
  })

  test("a call may choose another context and manifest", async () => {
    using t = setUp(files)
    const assets = await t.open()
    expect(assets.agentFor({ contextKey: "sales" })).toMatchObject({
      key: "default",
      context: { key: "sales" },
      manifest: { key: "defaultToolManifest" },
    })
    expect(assets.agentFor({ manifestKey: "salesTools" }).manifest.key).toBe("salesTools")
  })

  test.each([
    [{ agent: "unknown" }, "Agent not found for key: unknown. Known keys: default, sales"],
    [{ contextKey: "../etc" }, "Context not found for key: ../etc. Known keys: defaultContext, sales"],
    [
      { manifestKey: "__proto__" },
      "Tool manifest not found for key: __proto__. Known keys: defaultToolManifest, salesTools",
    ],
    [{ agent: "" }, "Agent not found for key: . Known keys: default, sales"],
    [
      { agent: "a".repeat(100_000) },
      `Agent not found for key: ${"a".repeat(64)}…. Known keys: default, sales`,
    ],
  ])("a key that does not exist is refused: %#", async (choice, message) => {
    using t = setUp(files)
    const assets = await t.open()
    expect(() => assets.agentFor(choice)).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST", message }),
    )
  })
})

describe("faults", () => {
  test("all of them are reported at once, with file, line and field", async () => {
    using t = setUp({
      "serverConfig.json": `{
  "ConversationRelay": {
    "Configuration": {
      "ttsProvider": "Acme",
      "vioce": "x",
      "eotThreshold": 2,
      "languages": [{ "ttsProvider": "Google" }]
    }
  },
  "numbers": { "12": "sales" },
  "agents": { "a b": {}, "ok": { "engine": "fax", "model": { "temperature": 3 } } }
}`,
      "bad key.md": "x",
      "empty.md": " \n",
      "brokenTools.json": '{\n  "tools": [\n    {,}\n  ]\n}',
      "moreTools.json": {
        tools: [{ name: "fly" }, { name: "end-call" }, { name: "end-call" }, { type: "web_search" }],
      },
    })
    expect(await t.faults()).toEqual([
      "bad key.md: its name before the ending must be 1 to 128 letters, digits, _ or -",
      'brokenTools.json:3: expected a key in quotes, not ","',
      "empty.md: is empty",
      "moreTools.json:12 tools.3.name: Invalid input: expected string, received undefined",
      'moreTools.json:13 tools.3.type: Invalid input: expected "function"',
      'serverConfig.json:4 ConversationRelay.Configuration.ttsProvider: Invalid option: expected one of "Google"|"Amazon"|"ElevenLabs"',
      "serverConfig.json:5 ConversationRelay.Configuration.vioce: is not a known field",
      "serverConfig.json:6 ConversationRelay.Configuration.eotThreshold: Too big: expected number to be <=0.9",
      "serverConfig.json:7 ConversationRelay.Configuration.languages.0.code: Invalid input: expected string, received undefined",
      "serverConfig.json:10 numbers.12: as a key: must be a number in E.164 form, such as +15550100001",
      "serverConfig.json:11 agents.a b: as a key: must be 1 to 64 letters, digits, _ or -",
      "serverConfig.json:11 agents.ok.engine: must be one of relay, realtime, pipeline",
      "serverConfig.json:11 agents.ok.model.temperature: Too big: expected number to be <=2",
    ])
  })

  test.each([
    [
      "a tool that does not exist",
      { "xTools.json": { tools: [{ name: "fly" }] } },
      `there is no tool fly; there are ${KNOWN_TOOLS.toSorted().join(", ")}`,
    ],
    [
      "a tool twice",
      { "xTools.json": { tools: [{ name: "end-call" }, { name: "end-call" }] } },
      "tools.1.name: the tool end-call appears twice",
    ],
    ["a manifest of another form", { "xTools.json": [] }, "xTools.json:1: "],
    [
      "a key twice",
      { "serverConfig.json": '{"Server": {},\n"Server": {}}' },
      "serverConfig.json:2 Server: appears twice",
    ],
    [
      "no JSON",
      { "serverConfig.json": "" },
      "serverConfig.json:1: expected a value, not the end of the file",
    ],
    ["bytes that are no text", { "x.md": new Uint8Array([0xff, 0xfe, 0x41]) }, "x.md: is not UTF-8 text"],
    ["a huge file", { "x.md": "a".repeat(1_048_577) }, "x.md: is larger than 1048576 bytes"],
    [
      "one key in two files",
      { "x.md": "a", "xcontext.md": "b", "x.context": "c" },
      "x.md: has the same key as x.context",
    ],
    [
      "j2",
      { "serverConfig.json": { AssetLoader: { assetLoaderType: "j2" } } },
      "AssetLoader.assetLoaderType: J2 asset loader not yet implemented",
    ],
    [
      "an unknown loader",
      { "serverConfig.json": { AssetLoader: { assetLoaderType: "ftp" } } },
      'assetLoaderType: Invalid option: expected one of "file"|"sync"|"j2"',
    ],
    [
      "an unknown active context",
      { "serverConfig.json": { AssetLoader: { context: "nope" } } },
      "AssetLoader.context: there is no context nope; there are defaultContext",
    ],
    [
      "an unknown active manifest",
      { "serverConfig.json": { AssetLoader: { manifest: "nope" } } },
      "AssetLoader.manifest: there is no manifest nope; there are defaultToolManifest",
    ],
    [
      "two names that differ",
      { "serverConfig.json": { AssetLoader: { context: "a", activeContextKey: "b" } } },
      "activeContextKey: differs from context",
    ],
    [
      "both spellings of silence",
      { "serverConfig.json": { ConversationRelay: { silenceDetection: {}, SilenceDetection: {} } } },
      "keep one",
    ],
    [
      "a number of an agent that does not exist",
      { "serverConfig.json": { numbers: { "+15550100001": "x" } } },
      "numbers.+15550100001: there is no agent x; there are default",
    ],
    [
      "a context to change to that does not exist",
      { "serverConfig.json": { agents: { a: { changeTo: { contexts: ["x"] } } } } },
      "agents.a.changeTo.contexts",
    ],
    [
      "an engine that is not there",
      { "serverConfig.json": { agents: { a: { engine: "realtime" } } } },
      "agents.a.engine: must be one of relay",
    ],
    [
      "multi with another recogniser",
      config({ transcriptionLanguage: "multi", transcriptionProvider: "Google" }),
      "the language multi needs transcriptionProvider Deepgram",
    ],
    [
      "multi with another voice",
      config({ language: "multi", ttsProvider: "Amazon" }),
      "and ttsProvider ElevenLabs",
    ],
    [
      "multi with another model",
      config({ language: "multi", speechModel: "flux" }),
      "nova-2-general or nova-3-general",
    ],
    [
      "a language multi with another voice",
      config({ language: "en-US", languages: [{ code: "multi", ttsProvider: "Google" }] }),
      "and ttsProvider ElevenLabs",
    ],
    [
      "a language that is none",
      config({ language: "english please" }),
      "language: must be a language such as en-US",
    ],
    [
      "a timeout out of range",
      config({ speechTimeout: 10 }),
      "speechTimeout: Too small: expected number to be >=600",
    ],
    ["unknown events", config({ events: "everything" }), "events: must be some of speaker-events"],
  ])("%s", async (_, files, expected) => {
    using t = setUp(files)
    const faults = await t.faults()
    expect(faults.join("\n")).toContain(expected)
    expect(faults).toHaveLength(1)
  })

  test.each([
    ["recognition", { transcriptionLanguage: "multi", ttsProvider: "Amazon", language: "en-US" }],
    ["speech", { ttsLanguage: "multi", transcriptionProvider: "Google", language: "en-US" }],
  ])("multi for %s alone leaves the other provider free", async (_, relay) => {
    using t = setUp(config(relay))
    expect(await t.faults()).toEqual([])
  })

  test("multi for speech alone needs its own provider", async () => {
    using t = setUp(config({ ttsLanguage: "multi", ttsProvider: "Amazon", language: "en-US" }))
    expect((await t.faults()).join()).toContain("the language multi needs ttsProvider ElevenLabs")
  })

  test("multi with Deepgram and ElevenLabs is fine", async () => {
    using t = setUp(
      config({
        language: "multi",
        ttsProvider: "ElevenLabs",
        transcriptionProvider: "Deepgram",
        speechModel: "nova-3-general",
      }),
    )
    expect(await t.faults()).toEqual([])
  })
})

describe("changes", () => {
  test("a changed file is used within a second or two, and calls keep the agent they have", async () => {
    using t = setUp({ "defaultContext.md": "old" }, { watch: true })
    const assets = await t.open()
    const held = assets.agentFor({})
    t.write({ "defaultContext.md": "newer", "extra.md": "x" })
    t.clock.advance(1500)
    expect({ held: held.context.text, now: assets.agentFor({}).context.text }).toEqual({
      held: "old",
      now: "newer",
    })
    expect(assets.keys().contexts).toEqual(["defaultContext", "extra"])
  })

  test("a broken file replaces nothing, is reported once with its line, and may be fixed", async () => {
    using t = setUp({ "salesTools.json": { tools: [] } }, { watch: true })
    const assets = await t.open()
    t.write({ "salesTools.json": '{\n"tools": [}' })
    t.clock.advance(5000)
    expect(assets.agentFor({ manifestKey: "salesTools" }).manifest.tools).toEqual([])
    expect(t.lines).toEqual([
      'an asset is faulty; the assets stay as they were salesTools.json:2: expected a value, not "}"',
    ])
    t.write({ "salesTools.json": { tools: [{ name: "end-call" }] } })
    t.clock.advance(1500)
    expect(assets.agentFor({ manifestKey: "salesTools" }).manifest.tools).toHaveLength(1)
  })

  test("a file that is still being written is not read", async () => {
    using t = setUp({ "a.md": "one" }, { watch: true })
    const assets = await t.open()
    for (const text of ["on", "one and", "one and two"]) {
      t.write({ "a.md": text })
      t.clock.advance(500)
      expect(assets.agentFor({ contextKey: "a" }).context.text).toBe("one")
    }
    t.clock.advance(500)
    expect(assets.agentFor({ contextKey: "a" }).context.text).toBe("one and two")
  })

  test("a deleted file that is in use is a fault, and the assets stay", async () => {
    using t = setUp(
      { "sales.md": "Sell.", "serverConfig.json": { AssetLoader: { context: "sales" } } },
      { watch: true },
    )
    const assets = await t.open()
    rmSync(join(t.dir, "sales.md"))
    t.clock.advance(1500)
    expect(assets.agentFor({}).context.text).toBe("Sell.")
    expect(t.lines.join()).toContain("there is no context sales; there are defaultContext")
  })

  test("reload reads at once and reports", async () => {
    using t = setUp({ "a.md": "one" })
    const assets = await t.open()
    expect(assets.reload()).toEqual({ changed: false, faults: [] })
    t.write({ "a.md": "three" })
    expect(assets.reload()).toEqual({ changed: true, faults: [] })
    t.write({ "a.md": "" })
    expect(assets.reload()).toEqual({ changed: false, faults: [{ file: "a.md", message: "is empty" }] })
    expect(assets.agentFor({ contextKey: "a" }).context.text).toBe("three")
  })

  test("closed assets look for nothing, and closing again is harmless", async () => {
    using t = setUp({}, { watch: true })
    const assets = await t.open()
    assets.close()
    assets.close()
    expect(t.clock.sweep.size).toBe(0)
  })
})
