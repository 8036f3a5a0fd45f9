/** The TwiML that this server answers with. Every value is text: nothing in it can become an element. */

import VoiceResponse from "twilio/lib/twiml/VoiceResponse"

type AttributeValue = string | number | boolean | null | undefined

export type RelayTwiml = {
  /** Twilio asks here how to go on when the session is over, for whatever reason. */
  actionUrl: string
  /** `wss://`, without a query. */
  url: string
  /** Spoken before the first frame; left out when the caller is to speak first. */
  welcomeGreeting?: string | undefined
  /** Further attributes by their documented names; `url` and `welcomeGreeting` among them are passed over. */
  attributes: Readonly<Record<string, AttributeValue>>
  /** One `<Language>` each; those without a code are passed over. */
  languages: readonly ({ readonly code: string } & Readonly<Record<string, AttributeValue>>)[]
  /** One `<Parameter>` each. Twilio's logs show them: no secrets. */
  parameters: Readonly<Record<string, string>>
}

/**
 * `<Connect><ConversationRelay>`. Empty texts, null, undefined and whatever is no text, number or boolean are left out;
 * `false` and 0 stay. (Twilio: "TwiML Voice: ConversationRelay".)
 */
export function relayTwiml(options: RelayTwiml): string {
  const { actionUrl, url, welcomeGreeting, attributes, languages, parameters } = options
  const response = new VoiceResponse()
  // The builder's own types for this noun lack attributes and misspell others; a plain child takes every name.
  const relay = response
    .connect({ action: clean(actionUrl), method: "POST" })
    .addChild("ConversationRelay", attributesOf({ ...attributes, url, welcomeGreeting }))
  for (const language of languages) {
    if (language.code) relay.addChild("Language", attributesOf(language))
  }
  for (const [name, value] of Object.entries(parameters)) {
    // An empty value says something too, so it is not left out.
    relay.addChild("Parameter", { name: clean(name), value: clean(value) })
  }
  return response.toString()
}

export type SayTwiml = {
  /** Whole seconds before everything else; a call that is not answered yet rings on meanwhile. */
  pauseSeconds?: number | undefined
  /** Nothing is said when it is empty. */
  text: string
  /** What follows: the end of the call, or the TwiML of another URL. */
  then: "hangup" | { redirect: string }
  /** With the provider's prefix, for example `Polly.Joanna-Neural`. */
  voice?: string | undefined
  language?: string | undefined
}

/** `<Say>`, then `<Hangup>` or `<Redirect>`. */
export function sayTwiml({ pauseSeconds, text, then, voice, language }: SayTwiml): string {
  const response = new VoiceResponse()
  if (pauseSeconds !== undefined) response.pause({ length: pauseSeconds })
  const words = clean(text).trim()
  if (words) response.addChild("Say", attributesOf({ voice, language })).addText(words)
  if (then === "hangup") response.hangup()
  else response.redirect({ method: "POST" }, clean(then.redirect))
  return response.toString()
}

/** Ends the call. */
export function hangupTwiml(): string {
  const response = new VoiceResponse()
  response.hangup()
  return response.toString()
}

/** An empty `<Response>`: Twilio has nothing left to do and ends the call. */
export function emptyTwiml(): string {
  return new VoiceResponse().toString()
}

/** Refuses a call without answering it, with a busy tone or a message that the number is not in service. */
export function rejectTwiml(reason: "rejected" | "busy"): string {
  const response = new VoiceResponse()
  response.reject({ reason })
  return response.toString()
}

const ATTRIBUTE_NAME = /^[A-Za-z][A-Za-z0-9]*$/

function attributesOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const written: [name: string, text: string][] = []
  for (const [name, value] of Object.entries(values)) {
    const isPlain = typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)
    const text = isPlain ? clean(String(value)) : ""
    if (text !== "" && ATTRIBUTE_NAME.test(name)) written.push([name, text])
  }
  return Object.fromEntries(written)
}

/** Without the characters that XML forbids, not even escaped: most control characters and halves of surrogate pairs. */
export function clean(text: string): string {
  return text.replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "")
}
