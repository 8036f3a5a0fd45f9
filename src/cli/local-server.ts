/** A temporary server for a simulated call: a free port, generated Twilio credentials, reachable from this machine only. */

import type { RecordedEvent } from "../call/events.ts"
import type { Engine } from "../call/engine.ts"
import { readConfig, type Config } from "../config/config.ts"
import type { CallOptions } from "../sim/call-options.ts"
import type { SimulatedCall } from "../sim/simulated-call.ts"
import { SimulatedTwilio } from "../sim/simulated-twilio.ts"
import { assetsWithEngine } from "./assets-with-engine.ts"
import { serve } from "./serve.ts"

/** The public address of the server: signatures use it, connections go to this machine. */
const PUBLIC_URL = "https://parley.test"

/** Ctrl-C, the end of the terminal, and a request to end. */
const SIGNALS = ["SIGINT", "SIGHUP", "SIGTERM"] as const

export type LocalServerOptions = {
  /** Settings of the model and the assets; Twilio, port and database are replaced. */
  config?: Config
  databaseUrl: string
  /** Speed of speech and audio relative to real time. */
  speed: number
  /** The engine of every agent. Default: as configured. */
  engine?: Engine
  /** Receives every event of every call at once. */
  onEvent?: (event: RecordedEvent) => void
}

export async function startLocalServer({ config, databaseUrl, speed, engine, onEvent }: LocalServerOptions) {
  // A random token, shared by this simulator and this server only.
  const authToken = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex")
  const base = config ?? readConfig({ MODEL_PROVIDER: "demo" })
  const assets = engine && assetsWithEngine(base.assetsDir, engine)
  const running = await serve(
    {
      ...base,
      assetsDir: assets?.dir ?? base.assetsDir,
      port: 0,
      portRetry: false,
      publicUrl: PUBLIC_URL,
      databaseUrl,
      transcriptLogDir: undefined,
      apiKeys: [],
      localApi: "open",
      twilio: {
        ...base.twilio,
        accountSid: undefined,
        authTokens: [authToken],
        apiKey: undefined,
        validateWebhooks: true,
      },
    },
    // The database may be that of a server whose calls run now.
    { at: { kind: "loopback" }, onEvent, watchesOpenCalls: false },
  )
  const twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: running.url,
    authToken,
    charactersPerSecond: 15 * speed,
    speechDelayMs: 300 / speed,
    mediaSpeed: speed,
  })
  const removers: (() => void)[] = []
  let isInterrupted = false
  return {
    url: running.url,
    twilio,
    /** Whether a signal has ended the call. */
    get isInterrupted() {
      return isInterrupted
    },
    /** An incoming call, whose record is ended with it: the number reports the end, and a signal hangs up first. */
    call(options: Pick<CallOptions, "from" | "to" | "recordTo" | "voiceUrl">): SimulatedCall {
      const call = twilio.call({
        ...options,
        direction: "inbound",
        statusCallback: { url: `${PUBLIC_URL}/twilio/status` },
      })
      removers.push(
        onFirstSignal(() => {
          isInterrupted = true
          call.hangup()
        }),
      )
      return call
    },
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await running.stop({ hasSuccessor: () => false })
      assets?.[Symbol.dispose]()
      for (const remove of removers) remove()
    },
  }
}

/** A second signal ends the process as usual. Returns the removal. */
function onFirstSignal(handle: () => void): () => void {
  const remove = () => {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  const onSignal = () => {
    remove()
    handle()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return remove
}
