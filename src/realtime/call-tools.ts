/** The tools of a call on a media stream: runs them and carries out what they ask of the call. */

import type { CallAgent } from "../conversation/call-agent.ts"
import type { EndAfterPlayback } from "../conversation/end-after-playback.ts"
import type { SpeechOutput } from "../conversation/speech-output.ts"
import type { CallAction, ToolOutcome } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"

export type CallToolsOptions = {
  agent: Pick<CallAgent, "runTool" | "update" | "close">
  output: Pick<SpeechOutput, "act">
  ending: Pick<EndAfterPlayback, "requestAfterSpeech">
  /** A tool ends the call; the farewell of the same answer may still be on its way. */
  onEnding: () => void
}

export class CallTools {
  readonly #options: CallToolsOptions

  constructor(options: CallToolsOptions) {
    this.#options = options
  }

  /** Never rejects. A media stream cannot do everything that tools may ask for. */
  async run(toolCall: ToolCall): Promise<ToolOutcome> {
    const outcome = await this.#options.agent.runTool(toolCall)
    if (!outcome.ok || outcome.action?.type !== "play-media") return outcome
    return { ok: false, code: "NOT_AVAILABLE", message: "Audio files cannot be played on this call." }
  }

  act(action: CallAction): void {
    const { agent, output, ending, onEnding } = this.#options
    switch (action.type) {
      case "send-digits":
      case "play-media":
      case "switch-language":
        return output.act(action)
      case "set-listen-mode":
      case "set-silence-detection":
      case "change-context":
        return agent.update(action)
      case "end-call":
        ending.requestAfterSpeech(action.end)
        agent.close()
        return onEnding()
      default:
        action satisfies never
    }
  }
}
