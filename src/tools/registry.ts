/** The tools that are built in, by name. */

import type { AnyTool } from "./define-tool.ts"
import { endCall } from "./builtin/end-call.ts"
import { playMedia } from "./builtin/play-media.ts"
import { sendDtmf } from "./builtin/send-dtmf.ts"
import { switchLanguage } from "./builtin/switch-language.ts"

/** Every built-in tool; what a call may use of them is in its manifest. */
export function builtinTools(): ReadonlyMap<string, AnyTool> {
  return new Map([endCall, sendDtmf, switchLanguage, playMedia].map((tool) => [tool.name, tool]))
}
