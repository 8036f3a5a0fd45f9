/** Checks of the configuration: what is real, what is simulated, and which settings fix it. */

import type { Config } from "../config/config.ts"
import { isExposed } from "../config/exposure.ts"

export type Check = {
  /** `ok`: ready for production. `simulated`: works, but with a stand-in. `warning`: likely not meant. `missing`: does not work. */
  state: "ok" | "simulated" | "warning" | "missing"
  /** Empty for a general remark. */
  about: string
  /** The result. */
  text: string
  /** How to fix it. */
  fix?: string
}

export function diagnosticsOf(config: Config): Check[] {
  return [
    checkModel(config),
    checkPublicUrl(config),
    ...checkTwilio(config),
    ...checkCustomerApi(config),
    checkKeys(config),
  ]
}

/** One line for the terminal. */
export function checkLine({ state, about, text, fix }: Check): string {
  const mark = { ok: "✓", simulated: "~", warning: "!", missing: "✗" }[state]
  return `${mark} ${about === "" ? "" : `${about}: `}${text}${fix ? ` → ${fix}` : ""}`
}

function checkModel({ openai, flowise, modelProvider }: Config): Check {
  const about = "Model"
  if (modelProvider === "flowise") {
    const where = flowise.baseUrl ? ` at ${new URL(flowise.baseUrl).origin}` : ""
    return { state: "ok", about, text: `Flowise${where}` }
  }
  if (modelProvider === "demo" || (modelProvider === "auto" && !openai.apiKey && !openai.baseUrl)) {
    return {
      state: "simulated",
      about,
      text: "the built-in demo model answers (simulated, rule-based, no key needed)",
      fix: "set OPENAI_API_KEY for a real one",
    }
  }
  const where = openai.baseUrl ? ` at ${new URL(openai.baseUrl).origin}` : ""
  return { state: "ok", about, text: `${openai.apiKey ? "OpenAI" : "OpenAI-compatible"}${where}` }
}

function checkCustomerApi({ customerApi: { url, key } }: Config): Check[] {
  if (url === undefined) return []
  const how = key === undefined ? "without a key" : "with a key"
  return [{ state: "ok", about: "Customer API", text: `${new URL(url).origin}, ${how}` }]
}

function checkPublicUrl({ publicUrl }: Config): Check {
  const about = "Public address"
  if (publicUrl) return { state: "ok", about, text: publicUrl }
  return {
    state: "simulated",
    about,
    text: "none, so only simulated calls on this machine",
    fix: "set PUBLIC_URL to the https:// address of your tunnel or server",
  }
}

function checkTwilio({ twilio }: Config): Check[] {
  const about = "Twilio"
  const { accountSid, authTokens, apiKey } = twilio
  const checks: Check[] = []
  if (authTokens.length === 0) {
    checks.push({
      state: "missing",
      about,
      text: "webhooks cannot be verified and are refused",
      fix: "set TWILIO_AUTH_TOKEN, or try calls with parley serve --simulate",
    })
  }
  if (!accountSid || (authTokens.length === 0 && !apiKey)) {
    checks.push({
      state: "missing",
      about,
      text: "no account: calls cannot be placed or ended, and messages cannot be sent",
      fix: "set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    })
  }
  if (checks.length === 0) checks.push({ state: "ok", about, text: `account ${accountSid}` })
  if (!twilio.validateWebhooks) {
    checks.push({
      state: "simulated",
      about: "Signatures",
      text: "are not checked for requests from this machine",
      fix: "unset TWILIO_VALIDATE_WEBHOOKS in production",
    })
  }
  return checks
}

function checkKeys(config: Config): Check {
  const { apiKeys } = config
  const about = "API"
  if (config.localApi === "open" && isExposed(config)) {
    return {
      state: "simulated",
      about,
      text: "programs on this machine need no key, and a proxy or tunnel makes others look like them",
      fix: "unset LOCAL_API in production",
    }
  }
  if (apiKeys.length > 0)
    return { state: "ok", about, text: `${apiKeys.length} key${apiKeys.length > 1 ? "s" : ""}` }
  if (isExposed(config)) return { state: "ok", about, text: "a key of its own, see `parley key`" }
  return {
    state: "simulated",
    about,
    text: "no keys, so it serves only programs on this machine",
    fix: "set API_KEYS to serve others",
  }
}
