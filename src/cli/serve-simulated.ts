/** `parley serve --simulate`: the server with a simulated Twilio account, for everything that needs one. */

import { z } from "zod"
import { storedPrompt } from "../audio/prompts.ts"
import type { RecordedEvent } from "../call/events.ts"
import type { Config } from "../config/config.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { DEMO_PHONE_MENU, playPhoneMenu } from "../sim/phone-menu.ts"
import { newSid } from "../sim/sids.ts"
import type { SimulatedCall } from "../sim/simulated-call.ts"
import { SimulatedRest } from "../sim/simulated-rest.ts"
import { SimulatedTwilio } from "../sim/simulated-twilio.ts"
import { openAssets } from "./asset-checks.ts"
import { serve } from "./serve.ts"

/** The public address of the server: signatures use it, connections go to this machine. */
const PUBLIC_URL = "https://parley.test"
const DEFAULT_NUMBER = "+15550100002"
/** A number that a phone menu answers. */
const COMPANY_NUMBER = "+12025550199"
/** What a simulated person says, one line after each answer. */
const LINES = ["What are your opening hours?", "Thank you, goodbye."]
/** How long the agent must be silent to have finished, in milliseconds. */
const SETTLE_MS = 1_500
/** How long the phone menu waits for an answer, and lets the caller wait in its queue, in milliseconds. */
const MENU_MS = { patienceMs: 8_000, pauseMs: 1_000, queueMs: 10_000 }
/** How long a simulated person waits for the agent, in milliseconds. */
const TURN_TIMEOUT_MS = 30_000

const IncomingCall = z.strictObject({
  from: z.string().default("+15550100001"),
  to: z.string().default(DEFAULT_NUMBER),
  say: z.array(z.string().min(1)).max(50).default(LINES),
})

/** An empty body is an object without fields. */
const BodyText = z.string().transform((text, context): unknown => {
  try {
    return text.trim() === "" ? {} : JSON.parse(text)
  } catch {
    context.addIssue("the body must be JSON")
    return z.NEVER
  }
})

export type SimulatedServer = AsyncDisposable & {
  url: string
  /** Takes `POST /calls` with `{"from", "to", "say": […]}`: a simulated person calls the server. */
  callersUrl: string
}

export type SimulatedOptions = {
  /** Speed of speech and audio relative to real time. */
  speed?: number
  /** Receives every event of every call at once. */
  onEvent?: (event: RecordedEvent) => void
}

/** Listens on this machine only. Twilio's settings are replaced, and the API needs no key. Rejects with `AppError`. */
export async function startSimulated(
  config: Config,
  { speed = 1, onEvent }: SimulatedOptions = {},
): Promise<SimulatedServer> {
  const log = getLog("sim")
  const accountSid = newSid("AC")
  const authToken = newSid("AC").slice(2)
  const numbers = await numbersOf(config)
  const { promise: account, resolve: opened } = Promise.withResolvers<SimulatedTwilio>()
  let twilio: SimulatedTwilio | undefined
  const rest = new SimulatedRest({
    // The server that it calls back needs the address of this one first.
    get twilio() {
      if (twilio === undefined) throw new Error("The simulated account is not open yet")
      return twilio
    },
    numbers,
  })
  const running = await serve(simulatedConfig(config, { accountSid, authToken, rest, numbers }), {
    at: { kind: "loopback" },
    onEvent,
  }).catch(async (error: unknown) => {
    await rest[Symbol.asyncDispose]()
    throw error
  })
  twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: running.url,
    accountSid,
    authToken,
    charactersPerSecond: 15 * speed,
    speechDelayMs: 300 / speed,
    mediaSpeed: speed,
  })
  const talk = (call: SimulatedCall, lines: readonly string[]) =>
    log.background("simulated person", speakLines(call, lines, Math.max(250, SETTLE_MS / speed)))
  opened(twilio)
  const company = (call: SimulatedCall) =>
    log.background(
      "simulated company",
      answerAsCompany(call, { speed, settleMs: Math.max(250, SETTLE_MS / speed) }),
    )
  rest.calls.listen((call) => (call.to === COMPANY_NUMBER ? company(call) : talk(call, LINES)))
  const callers = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (request.method !== "POST" || pathname !== "/calls")
        return Response.json({ error: "POST /calls" }, { status: 404 })
      const body = BodyText.pipe(IncomingCall).safeParse(await request.text())
      if (!body.success) return Response.json({ error: z.prettifyError(body.error) }, { status: 400 })
      const { from, to, say } = body.data
      const call = (await account).call({ from, to, direction: "inbound" })
      talk(call, say)
      return Response.json({ callSid: call.callSid }, { status: 201 })
    },
  })
  return {
    url: running.url,
    callersUrl: callers.url.origin,
    async [Symbol.asyncDispose]() {
      await callers.stop(true)
      await twilio?.[Symbol.asyncDispose]()
      await rest[Symbol.asyncDispose]()
      await running.stop({ hasSuccessor: () => false })
    },
  }
}

/** Serves until SIGTERM or SIGINT; a second signal does not wait for calls. */
export async function serveSimulated(config: Config): Promise<void> {
  const log = getLog("server")
  const server = await startSimulated(config)
  const { url, callersUrl } = server
  log.info(`Server is running on port ${new URL(url).port}`, { url })
  log.info("Twilio is simulated: outgoing calls are answered by a simulated person, this machine only")
  log.info("To simulate an incoming call, POST to this address", {
    url: `${callersUrl}/calls`,
    example: `curl -X POST ${callersUrl}/calls -H 'Content-Type: application/json' -d '{"say":["Hello?"]}'`,
  })
  for (const warning of config.warnings) log.warn(warning)
  const stop = (signal: string) => {
    log.info("stopping", { signal })
    process.off("SIGTERM", stop)
    process.off("SIGINT", stop)
    const stopped = async () => {
      await server[Symbol.asyncDispose]()
      log.info("stopped")
    }
    log.background("stopping", stopped())
  }
  process.on("SIGTERM", stop)
  process.on("SIGINT", stop)
}

type Account = { accountSid: string; authToken: string; rest: SimulatedRest; numbers: readonly string[] }

function simulatedConfig(config: Config, { accountSid, authToken, rest, numbers }: Account): Config {
  return {
    ...config,
    publicUrl: `${PUBLIC_URL}${config.pathPrefix}`,
    localApi: "open",
    twilio: {
      ...config.twilio,
      accountSid,
      authTokens: [authToken],
      sharedKeys: [],
      apiKey: undefined,
      apiSecret: undefined,
      fromNumber: numbers[0],
      apiBaseUrl: rest.url,
      edge: undefined,
      region: undefined,
      validateWebhooks: true,
    },
  }
}

/** The numbers of the simulated account: those of the configuration, so that each reaches its agent. */
async function numbersOf(config: Config): Promise<string[]> {
  const assets = await openAssets(config, undefined)
  const given = "state" in assets ? {} : assets.library.config()["numbers"]
  if (!("state" in assets)) assets.close()
  return [...new Set([config.twilio.fromNumber ?? DEFAULT_NUMBER, ...Object.keys(Object(given))])]
}

/** A phone menu, a queue, then a person. It needs words: on a media stream only the person talks. */
async function answerAsCompany(
  call: SimulatedCall,
  { speed, settleMs }: { speed: number; settleMs: number },
): Promise<void> {
  try {
    await call.frames.next(({ message }) => message?.type === "setup")
    const { patienceMs, pauseMs, queueMs } = MENU_MS
    await playPhoneMenu(call, DEMO_PHONE_MENU, {
      sleep: Bun.sleep,
      // Keys are not pressed faster.
      patienceMs: Math.max(3_000, patienceMs / speed),
      pauseMs: pauseMs / speed,
      queueMs: queueMs / speed,
    })
  } catch (error) {
    return getLog("sim").debug("a simulated phone menu ends", { error: messageOf(error) })
  }
  await speakLines(call, LINES, settleMs)
}

/** Speaks one line after each turn of the agent, then hangs up. Speech models hear stored audio in place of the words. */
async function speakLines(call: SimulatedCall, lines: readonly string[], settleMs: number): Promise<void> {
  try {
    await agentTurn(call, settleMs)
    for (const line of lines) {
      if (call.stream) await call.stream.say(storedPrompt("one-moment").audio)
      else call.say(line)
      await agentTurn(call, settleMs)
    }
  } catch (error) {
    getLog("sim").debug("a simulated person gives up", { error: messageOf(error) })
  }
  call.hangup()
}

/** Resolves when the agent has spoken and is silent, when the call is over, and at the latest after 30 seconds. */
async function agentTurn(call: SimulatedCall, settleMs: number): Promise<void> {
  const heardAudio = call.audio.heard.next(({ last, complete }) => last && complete)
  await Promise.race([call.agentTurn(), heardAudio, call.ended, Bun.sleep(TURN_TIMEOUT_MS)])
  do await Bun.sleep(settleMs)
  while (call.agentSpeaking)
}
