/** Keys that are pressed in a call. The one rule for tools, frames of the API and phone menus. */

import { z } from "zod"

/**
 * Twilio's `sendDigits` accepts `0`–`9`, `*`, `#`, and `w`, half a second of pause. (Twilio: "WebSocket messages for
 * ConversationRelay".) More than this many keys the other party hears for half a minute.
 */
export const KeypadKeys = z
  .string()
  .regex(/^[0-9w*#]{1,64}$/, "must be 1 to 64 of the keys 0-9, *, # and w for a pause")
