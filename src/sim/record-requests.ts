/** Twilio's requests after a `<Record>`. Source: Twilio "TwiML Voice: <Record>". */

import type { RecordedMessage } from "./message-recording.ts"
import { fetchStep, type FetchStep, type TwimlResponse } from "./response-steps.ts"
import type { TwimlVerb } from "./twiml-reader.ts"

/** The request for the following step, and the callbacks that only report. */
export function recordRequests(
  { recordingSid, text, seconds, digits }: RecordedMessage,
  { attributes }: TwimlVerb,
  document: TwimlResponse,
): { action: FetchStep; callbacks: FetchStep[] } {
  const url = `https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/${recordingSid}`
  const common = { RecordingSid: recordingSid, RecordingUrl: url }
  const { action = document.url, method, recordingStatusCallback, transcribeCallback } = attributes
  const { recordingStatusCallbackMethod, transcribe } = attributes
  const duration = { RecordingDuration: String(seconds) }
  const status = { RecordingStatus: "completed", RecordingChannels: "1", RecordingSource: "RecordVerb" }
  return {
    action: fetchStep(action, document, method, { RecordingUrl: url, ...duration, Digits: digits }),
    callbacks: [
      ...(recordingStatusCallback === undefined
        ? []
        : [
            fetchStep(recordingStatusCallback, document, recordingStatusCallbackMethod, {
              ...common,
              ...duration,
              ...status,
            }),
          ]),
      ...(transcribe !== "true" || transcribeCallback === undefined
        ? []
        : [
            fetchStep(transcribeCallback, document, "POST", {
              ...common,
              TranscriptionText: text,
              TranscriptionStatus: "completed",
            }),
          ]),
    ],
  }
}
