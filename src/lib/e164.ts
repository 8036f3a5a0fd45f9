/** The form of phone numbers: `+`, country code, subscriber number, at most 15 digits. (ITU-T E.164.) Pure. */

/** Whether a text has the form of a whole number. Whether the number exists is for Twilio to say. */
export function isE164(text: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(text)
}

/** Whether a text has the form in which numbers begin, such as `+4930`. */
export function isE164Prefix(text: string): boolean {
  return /^\+[1-9]\d{0,14}$/.test(text)
}

/** Whether a text is `+` and digits at all: also a number that no country has, which only Twilio can judge. */
export function isDialable(text: string): boolean {
  return /^\+\d{2,15}$/.test(text)
}
