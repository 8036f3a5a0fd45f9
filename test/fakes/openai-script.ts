/** What a fake OpenAI answers, in words of the test; `openai-wire.ts` puts it on the wire. */

export type Step =
  /** A message, one delta for each piece. */
  | { say: readonly string[]; phase?: "commentary" | "final_answer" }
  | { refuse: readonly string[] }
  /** A reasoning item: summary text in deltas, and the encrypted form if it was asked for. */
  | { reason: readonly string[]; encrypted?: string }
  /** A function call with its arguments in three deltas. */
  | {
      call: string
      arguments: string | Record<string, unknown>
      callId?: string
      status?: "completed" | "incomplete"
    }
  /** Text put on the wire as it stands. */
  | { raw: string }
  /** One event or chunk of the test's own making. */
  | { event: unknown }
  /** Holds everything after it. */
  | { wait: Promise<unknown> }

type Failure = { code: string | null; message: string }

export type Ending =
  | "completed"
  /** The connection closes in good order, but without a terminal event. */
  | "closed"
  /** The connection breaks. What the client has not read by then may be lost: a `wait` step lets it read first. */
  | "dropped"
  /** Nothing more comes until the client goes. */
  | "stalled"
  | { incomplete: string }
  | { failed: Failure }
  | { error: Failure }

export type TokenUsage = { input: number; cached: number; output: number }

export type Script = {
  steps?: readonly Step[]
  ending?: Ending
  /** Null leaves usage out. */
  usage?: TokenUsage | null
  /** Awaited before each delta of text, reasoning and arguments. */
  pace?: () => Promise<void>
  /** An answer that is no stream. `body` replaces OpenAI's form of an error. */
  http?: { status: number; code?: string; message?: string; headers?: Record<string, string>; body?: string }
  /** Awaited before the response headers. */
  hold?: Promise<unknown>
  /** Chat Completions: whether the stream ends with `[DONE]`, and the `finish_reason` if not the natural one. */
  done?: boolean
  finishReason?: string | null
}

/** A plain answer, cut into pieces before each space. */
export function says(text: string, script: Omit<Script, "steps"> = {}): Script {
  return { ...script, steps: [{ say: text.match(/\s*\S+/g) ?? [] }] }
}

export function callsTool(
  name: string,
  args: Record<string, unknown>,
  script: Omit<Script, "steps"> = {},
): Script {
  return { ...script, steps: [{ call: name, arguments: args }] }
}

export function httpError(status: number, code: string, headers: Record<string, string> = {}): Script {
  return { http: { status, code, headers } }
}
