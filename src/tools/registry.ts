/** The built-in tools, and the tools that a manifest declares. */

import type { ToolSpec } from "../call/tool-spec.ts"
import type { AnyTool } from "./define-tool.ts"
import { changeContextTool } from "./builtin/change-context.ts"
import { endCallTool } from "./builtin/end-call.ts"
import { liveAgentHandoffTool } from "./builtin/live-agent-handoff.ts"
import { playMediaTool } from "./builtin/play-media.ts"
import { rememberTool } from "./builtin/remember.ts"
import { sendDtmfTool } from "./builtin/send-dtmf.ts"
import { sendSmsTool } from "./builtin/send-sms.ts"
import { setListenModeTool } from "./builtin/set-listen-mode.ts"
import { setSilenceDetectionTool } from "./builtin/set-silence-detection.ts"
import { switchLanguageTool } from "./builtin/switch-language.ts"
import { httpTool } from "./http-tool.ts"

const BUILT_IN: ReadonlyMap<string, AnyTool> = new Map(
  [
    endCallTool,
    liveAgentHandoffTool,
    sendDtmfTool,
    sendSmsTool,
    switchLanguageTool,
    playMediaTool,
    setListenModeTool,
    setSilenceDetectionTool,
    changeContextTool,
    rememberTool,
  ].map((tool) => [tool.name, tool]),
)

/** Every built-in tool; the manifest of a call selects from them. */
export function builtinTools(): ReadonlyMap<string, AnyTool> {
  return BUILT_IN
}

export type HttpToolSettings = {
  /** Values for `${NAME}` in addresses and headers. */
  secrets: Readonly<Record<string, string>>
  /** Whether addresses in private networks are allowed. */
  allowPrivate: boolean
}

/** The tools of a manifest by name: built-in ones and HTTP tools. */
export function toolsOf(
  specs: readonly ToolSpec[],
  settings: HttpToolSettings,
): ReadonlyMap<string, AnyTool> {
  const tools = specs.flatMap((spec) => {
    if (spec.http) return [httpTool({ spec, http: spec.http, ...settings })]
    const builtIn = BUILT_IN.get(spec.name)
    return builtIn ? [builtIn] : []
  })
  return new Map(tools.map((tool) => [tool.name, tool]))
}
