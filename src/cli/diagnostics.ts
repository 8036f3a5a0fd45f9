/** What of the configuration is real and what is simulated, in words, with what to set. */

import type { Config } from "../config/config.ts"

export type Finding = {
  /** `ok`: as in production. `simulated`: works, but not for real. `missing`: does not work. */
  state: "ok" | "simulated" | "missing"
  about: string
  /** What it means. */
  text: string
  /** How to mend it. */
  fix?: string
}

export function situationOf(config: Config): Finding[] {
  return [modelFinding(config), publicUrlFinding(config), ...twilioFindings(config), keysFinding(config)]
}

/** One line for a person. */
export function findingLine({ state, about, text, fix }: Finding): string {
  const mark = { ok: "✓", simulated: "~", missing: "✗" }[state]
  return `${mark} ${about}: ${text}${fix ? ` → ${fix}` : ""}`
}

function modelFinding({ openai, flowise, modelProvider }: Config): Finding {
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

function publicUrlFinding({ publicUrl }: Config): Finding {
  const about = "Public address"
  if (publicUrl) return { state: "ok", about, text: publicUrl }
  return {
    state: "simulated",
    about,
    text: "none, so only simulated calls on this machine",
    fix: "set PUBLIC_URL to the https:// address of your tunnel or server",
  }
}

function twilioFindings({ twilio }: Config): Finding[] {
  const about = "Twilio"
  const { accountSid, authTokens, apiKey } = twilio
  const findings: Finding[] = []
  if (authTokens.length === 0) {
    findings.push({
      state: "missing",
      about,
      text: "webhooks cannot be verified and are refused; calls are simulated",
      fix: "set TWILIO_AUTH_TOKEN",
    })
  }
  if (!accountSid || (authTokens.length === 0 && !apiKey)) {
    findings.push({
      state: "missing",
      about,
      text: "no account, so no call can be placed, ended or sent messages",
      fix: "set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    })
  }
  if (findings.length === 0) findings.push({ state: "ok", about, text: `account ${accountSid}` })
  if (!twilio.validateWebhooks) {
    findings.push({
      state: "simulated",
      about: "Signatures",
      text: "are not checked for requests from this machine",
      fix: "unset TWILIO_VALIDATE_WEBHOOKS in production",
    })
  }
  return findings
}

function keysFinding({ apiKeys }: Config): Finding {
  const about = "API"
  if (apiKeys.length > 0)
    return { state: "ok", about, text: `${apiKeys.length} key${apiKeys.length > 1 ? "s" : ""}` }
  return {
    state: "simulated",
    about,
    text: "no keys, so it serves only programs on this machine",
    fix: "set API_KEYS to serve others",
  }
}
