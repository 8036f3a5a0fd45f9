/** Renders a next step as TwiML. Every value is text: nothing in it can become an element. */

import VoiceResponse from "twilio/lib/twiml/VoiceResponse"
import { extensionDigits } from "../call/phone-number.ts"
import type {
  ConnectRelay,
  ConnectStream,
  GatherInput,
  NextStep,
  RecordMessage,
  Transfer,
  VoicePrompt,
} from "../call/next-step.ts"

/** Longest name and value of one `<Parameter>` together, in characters. (Twilio: "TwiML Voice: <Stream>".) */
const MAX_STREAM_PARAMETER = 499

/** A whole TwiML document. */
export function renderNextStep(step: NextStep): string {
  const response = new VoiceResponse()
  addVerbs(response, step)
  return response.toString()
}

function addVerbs(response: VoiceResponse, step: NextStep): void {
  switch (step.kind) {
    case "connect-relay":
      return connectRelay(response, step)
    case "connect-stream":
      return connectStream(response, step)
    case "say": {
      const text = clean(step.text).trim()
      if (text) response.say(text)
      return addVerbs(response, step.then)
    }
    case "prompt":
      for (const prompt of step.prompts) addPrompt(response, prompt)
      return addVerbs(response, step.then)
    case "gather":
      return gather(response, step)
    case "record":
      return recordMessage(response, step)
    case "transfer":
      return transfer(response, step)
    case "redirect":
      if (step.afterSeconds > 0) response.pause({ length: step.afterSeconds })
      response.redirect({ method: "POST" }, clean(step.url))
      return
    case "hang-up":
      response.hangup()
      return
    case "nothing":
      return
    default:
      step satisfies never
  }
}

/**
 * `<Connect><ConversationRelay>`. Leaves out empty texts, null, undefined and every value that is not a text, a number
 * or a boolean; `false` and 0 stay. (Twilio: "TwiML Voice: ConversationRelay".)
 */
function connectRelay(response: VoiceResponse, step: ConnectRelay): void {
  const { actionUrl, url, greeting, attributes, languages, parameters } = step
  // The builder's own types for this noun lack attributes and misspell others; a plain child takes every name.
  const relay = response.connect({ action: clean(actionUrl), method: "POST" }).addChild(
    "ConversationRelay",
    // With `applicationReconnect` Twilio opens the same address again, whose token is used; `actionUrl` gives a new one.
    attributesOf({ ...attributes, url, welcomeGreeting: greeting, applicationReconnect: undefined }),
  )
  for (const language of languages) {
    if (language.code) relay.addChild("Language", attributesOf(language))
  }
  for (const [name, value] of Object.entries(parameters)) {
    // An empty value has a meaning too, so it is not left out.
    relay.addChild("Parameter", { name: clean(name), value: clean(value) })
  }
}

/** `<Connect><Stream>`, then `<Redirect>`, which runs once the socket is closed. (Twilio: "TwiML Voice: <Stream>".) */
function connectStream(response: VoiceResponse, { url, nextUrl, parameters }: ConnectStream): void {
  const stream = response.connect().stream({ url: clean(url) })
  for (const [name, value] of Object.entries(parameters)) {
    const parameter = { name: clean(name), value: clean(value) }
    if (parameter.name.length + parameter.value.length > MAX_STREAM_PARAMETER) continue
    stream.parameter(parameter)
  }
  response.redirect({ method: "POST" }, clean(nextUrl))
}

/** `<Say>` or `<Play>`. A voice implies its language; a language that does not fit it fails. */
function addPrompt(parent: Pick<VoiceResponse, "addChild">, prompt: VoicePrompt): void {
  if (prompt.kind === "audio") {
    parent.addChild("Play", {}).addText(clean(prompt.url))
    return
  }
  const text = clean(prompt.text).trim()
  if (!text) return
  const { voice, language } = prompt
  const attributes = voice === undefined ? { language } : { voice }
  parent.addChild("Say", attributesOf(attributes)).addText(text)
}

/** `<Gather>`, which requests its `action` also without input. (Twilio: "TwiML Voice: <Gather>".) */
function gather(response: VoiceResponse, step: GatherInput): void {
  const { actionUrl, input, numDigits, finishOnKey, timeoutSeconds, language, hints } = step
  const isSpeech = input.includes("speech")
  const attributes: Record<string, unknown> = {
    input: input.join(" "),
    action: clean(actionUrl),
    method: "POST",
    timeout: timeoutSeconds,
    actionOnEmptyResult: true,
    ...(input.includes("dtmf") ? { finishOnKey, ...(numDigits === undefined ? {} : { numDigits }) } : {}),
    ...(isSpeech ? { speechTimeout: "auto", language: clean(language) } : {}),
    ...(isSpeech && hints.length > 0 ? { hints: clean(hints.join(", ")) } : {}),
  }
  const verb = response.gather(attributes)
  for (const prompt of step.prompts) addPrompt(verb, prompt)
}

/** `<Record>`, and `<Redirect>` for a message in which nothing was said. (Twilio: "TwiML Voice: <Record>".) */
function recordMessage(response: VoiceResponse, step: RecordMessage): void {
  const { actionUrl, recordingUrl, maxSeconds, silenceSeconds, finishOnKey, transcribe } = step
  for (const prompt of step.prompts) addPrompt(response, prompt)
  response.record({
    action: clean(actionUrl),
    method: "POST",
    maxLength: maxSeconds,
    timeout: silenceSeconds,
    finishOnKey,
    playBeep: true,
    recordingStatusCallback: clean(recordingUrl),
    recordingStatusCallbackMethod: "POST",
    recordingStatusCallbackEvent: ["completed", "absent"],
    ...(transcribe ? { transcribe: true, transcribeCallback: clean(recordingUrl) } : {}),
  })
  response.redirect({ method: "POST" }, clean(actionUrl))
}

/** `<Dial>` for a number or SIP address, `<Enqueue>` for a queue or workflow. (Twilio: "TwiML Voice: Dial", "Enqueue".) */
function transfer(response: VoiceResponse, step: Transfer): void {
  const { target, timeoutSeconds, callerId, task } = step
  const actionUrl = clean(step.actionUrl)
  const whisperUrl = clean(step.whisperUrl)
  const to = clean(target.to)
  switch (target.kind) {
    case "number":
    case "sip": {
      const dial = response.dial({
        action: actionUrl,
        method: "POST",
        timeout: timeoutSeconds,
        answerOnBridge: true,
        ...(callerId ? { callerId: clean(callerId) } : {}),
      })
      if (target.kind === "number") {
        const sendDigits =
          target.extension === undefined ? {} : { sendDigits: extensionDigits(target.extension) }
        dial.number({ url: whisperUrl, method: "POST", ...sendDigits }, to)
      }
      if (target.kind === "sip") dial.sip({ url: whisperUrl, method: "POST" }, to)
      return
    }
    case "queue":
      response.enqueue({ action: actionUrl, method: "POST" }, to)
      return
    case "workflow":
      response
        .enqueue({ action: actionUrl, method: "POST", workflowSid: to })
        .task({}, clean(JSON.stringify(task)))
      return
    default:
      target.kind satisfies never
  }
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

/** Removes the characters that XML forbids even escaped: most control characters and halves of surrogate pairs. */
function clean(text: string): string {
  return text.replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "")
}
