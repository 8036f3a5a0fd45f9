/** TwiML that connects a call to a media socket, and asks what follows when that is over. */

import VoiceResponse from "twilio/lib/twiml/VoiceResponse"
import { clean } from "./twiml.ts"

/** Name and value of one parameter together. (Twilio: "TwiML Voice: <Stream>".) */
const MAX_PARAMETER_LENGTH = 499

export type StreamTwiml = {
  /** `wss://`, without a query: that would be stripped. */
  url: string
  /** Requested when the stream is over and the call is not. */
  nextUrl: string
  /** Those that are too long for Twilio are left out. */
  parameters: Readonly<Record<string, string>>
}

/** `<Connect><Stream>`, then `<Redirect>`, which runs when the socket was closed. (Twilio: "TwiML Voice: <Stream>".) */
export function streamTwiml({ url, nextUrl, parameters }: StreamTwiml): string {
  const response = new VoiceResponse()
  const stream = response.connect().stream({ url: clean(url) })
  for (const [name, value] of Object.entries(parameters)) {
    const parameter = { name: clean(name), value: clean(value) }
    if (parameter.name.length + parameter.value.length > MAX_PARAMETER_LENGTH) continue
    stream.parameter(parameter)
  }
  response.redirect({ method: "POST" }, clean(nextUrl))
  return response.toString()
}
