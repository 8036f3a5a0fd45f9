/** A server of its own for a simulated call: a free port, made-up Twilio credentials, nothing reachable from outside. */

import { readConfig, type Config } from "../config.ts"
import { SimulatedTwilio } from "../sim/simulated-twilio.ts"
import { serve } from "./serve.ts"

/** The address the server believes it has; signatures are made for it, connections go to this machine. */
const PUBLIC_URL = "https://parley.test"

export type LocalServerOptions = {
  /** Settings of the model and the assets; Twilio, port and database are replaced. */
  config?: Config
  databaseUrl: string
  /** How many times faster than life the agent speaks. */
  speed: number
}

export function startLocalServer({ config, databaseUrl, speed }: LocalServerOptions) {
  // A token that no account has: it only joins this simulator to this server.
  const authToken = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex")
  const base = config ?? readConfig({ MODEL_PROVIDER: "demo" })
  const running = serve(
    {
      ...base,
      port: 0,
      portRetry: false,
      publicUrl: PUBLIC_URL,
      databaseUrl,
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
  })
  return {
    url: running.url,
    twilio,
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await running.stop()
    },
  }
}
