/** A server of its own for a simulated call: a free port, made-up Twilio credentials, nothing reachable from outside. */

import type { Engine } from "../call/engine.ts"
import { readConfig, type Config } from "../config/config.ts"
import { SimulatedTwilio } from "../sim/simulated-twilio.ts"
import { assetsWithEngine } from "./assets-with-engine.ts"
import { serve } from "./serve.ts"

/** The address the server believes it has; signatures are made for it, connections go to this machine. */
const PUBLIC_URL = "https://parley.test"

export type LocalServerOptions = {
  /** Settings of the model and the assets; Twilio, port and database are replaced. */
  config?: Config
  databaseUrl: string
  /** How many times faster than life the agent speaks, and sound goes. */
  speed: number
  /** How every agent talks, whatever its own settings say. Default: as they say. */
  engine?: Engine
}

export function startLocalServer({ config, databaseUrl, speed, engine }: LocalServerOptions) {
  // A token that no account has: it only joins this simulator to this server.
  const authToken = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex")
  const base = config ?? readConfig({ MODEL_PROVIDER: "demo" })
  const assets = engine && assetsWithEngine(base.assetsDir, engine)
  const running = serve(
    {
      ...base,
      assetsDir: assets?.dir ?? base.assetsDir,
      port: 0,
      portRetry: false,
      publicUrl: PUBLIC_URL,
      databaseUrl,
      transcriptLogDir: undefined,
      apiKeys: [],
      twilio: {
        ...base.twilio,
        accountSid: undefined,
        authTokens: [authToken],
        apiKey: undefined,
        validateWebhooks: true,
      },
    },
    { localOnly: true },
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
      await running.stop()
      assets?.[Symbol.dispose]()
    },
  }
}
