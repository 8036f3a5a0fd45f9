/** Settings of OpenAI's models by name. */

/** Source: OpenAI "Models": the cheapest and fastest model of the newest family. */
export const DEFAULT_MODEL = "gpt-6-luna"

export type Verbosity = "low" | "medium" | "high"

/** Settings of one model; omitted ones are not sent. */
export type ModelSettings = {
  temperature?: number | undefined
  /** Includes tokens for reasoning. */
  maxOutputTokens?: number | undefined
  /** `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`: each model accepts some of them. */
  reasoningEffort?: string | undefined
  verbosity?: Verbosity | undefined
}

/**
 * The settings with the lowest latency, for models known to accept them; none for all others.
 * Sources: OpenAI "Reasoning", "GPT-6 Luna", "Latency optimization".
 */
export function quickSettings(model: string): { reasoningEffort?: string; verbosity?: Verbosity } {
  const name = /^gpt-(\d+)(\.\d+)?(-.*)?$/.exec(model)
  if (!name) return {}
  const [, major = "", minor = "", variant = ""] = name
  // These variants accept fewer values than their family.
  if (Number(major) < 5 || /-(pro|codex|chat)\b/.test(variant)) return {}
  if (major === "5" && minor === "") return { reasoningEffort: "minimal", verbosity: "low" }
  return { reasoningEffort: variant.startsWith("-astra") ? "low" : "none", verbosity: "low" }
}

/** Whether the model reasons before it answers; its reasoning must then be sent back. */
export function reasons(model: string, effort: string | undefined): boolean {
  return effort === undefined ? /^o\d/.test(model) : effort !== "none"
}
