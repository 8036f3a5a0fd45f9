/** Checks across several variables: which are required together, and which settings deserve a warning. Pure. */

import type { Settings } from "./settings.ts"
import type { Name } from "./variables.ts"

export type Fault = { name: string; message: string }

export type Values = { [name in Name]?: string }

/** Faults of variables that must be set together. `otherNames` has the name of each that was set under another one. */
export function requiredTogether(values: Values, otherNames: Values = {}): Fault[] {
  const faults: Fault[] = []
  const need = (name: Name, missing: Name, why: string) => {
    if (!values[name] || values[missing]) return
    const other = otherNames[name]
    const origin = other === undefined ? "" : ` (${other} is read as ${name})`
    faults.push({ name: missing, message: `must be set too: ${why}${origin}` })
  }
  need("TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_API_KEY needs it")
  need("TWILIO_API_SECRET", "TWILIO_API_KEY", "TWILIO_API_SECRET needs it")
  need("TWILIO_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_API_KEY does not identify the account")
  need("CUSTOMER_API_KEY", "CUSTOMER_API_URL", "CUSTOMER_API_KEY needs the address of the customer API")
  need("TWILIO_EDGE", "TWILIO_REGION", "Twilio accepts edge and region only together")
  need("TWILIO_REGION", "TWILIO_EDGE", "Twilio accepts edge and region only together")
  if (values.MODEL_PROVIDER === "openai")
    need("MODEL_PROVIDER", "OPENAI_API_KEY", "MODEL_PROVIDER=openai needs a key")
  if (values.AI_PROVIDER === "azure") {
    for (const name of [
      "AZURE_OPENAI_API_KEY",
      "AZURE_OPENAI_ENDPOINT",
      "AZURE_OPENAI_DEPLOYMENT_NAME",
    ] as const) {
      need("AI_PROVIDER", name, "AI_PROVIDER=azure needs it")
    }
  }
  if (values.MODEL_PROVIDER === "flowise")
    need("MODEL_PROVIDER", "FLOWISE_BASE_URL", "MODEL_PROVIDER=flowise needs the address of the server")
  if (values.MODEL_PROVIDER === "openai-compatible") {
    need(
      "MODEL_PROVIDER",
      "OPENAI_BASE_URL",
      "MODEL_PROVIDER=openai-compatible needs the address of the server",
    )
  }
  return faults
}

/** Paths that Twilio calls; they are added to PUBLIC_URL. */
const WEBHOOK_PATH =
  /\/(?:twilio(?:\/[\w-]+)*|connectConversationRelay|conversation-relay|incoming-call|outbound-call|twiml|twilioStatusCallback|callstatusupdate|media-stream)$/i

/** Settings that are allowed but deserve a warning. */
export function warningsFor({ publicUrl, twilio, apiKeys }: Settings): string[] {
  const found: string[] = []
  if (
    publicUrl?.startsWith("http:") &&
    !/^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:[:/]|$)/.test(publicUrl)
  ) {
    found.push("PUBLIC_URL begins with http: calls are not encrypted, and Twilio opens no socket to it")
  }
  const webhookPath = publicUrl === undefined ? undefined : WEBHOOK_PATH.exec(publicUrl)?.[0]
  if (webhookPath !== undefined) {
    found.push(
      `PUBLIC_URL ends with the path of a webhook, ${webhookPath}; it must be the address without it`,
    )
  }
  if (twilio.accountSid && twilio.authTokens.length === 0) {
    found.push("TWILIO_AUTH_TOKEN is not set: Twilio's signatures cannot be checked")
  }
  if (!twilio.validateWebhooks) found.push("TWILIO_VALIDATE_WEBHOOKS=false: anyone may send webhooks")
  if (apiKeys.some(({ key }) => key.length < 16))
    found.push("API_KEYS holds a key of fewer than 16 characters")
  return found
}
