/** A temporary server for a simulated call: a free port, generated Twilio credentials, reachable from this machine only. */

import type { RecordedEvent } from "../call/events.ts"
import type { Engine } from "../call/engine.ts"
import { readConfig, type Config } from "../config/config.ts"
import { SimulatedTwilio } from "../sim/simulated-twilio.ts"
import { assetsWithEngine } from "./assets-with-engine.ts"
import { serve } from "./serve.ts"

/** The public address of the server: signatures use it, connections go to this machine. */
const PUBLIC_URL = "https://parley.test"

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
    { at: { kind: "loopback" }, onEvent },
  )
  const twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: running.url,
    authToken,
    charactersPerSecond: 15 * speed,
    speechDelayMs: 300 / speed,
    mediaSpeed: speed,
  })
  return {
    url: running.url,
    twilio,
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await running.stop({ hasSuccessor: () => false })
      assets?.[Symbol.dispose]()
    },
  }
}
