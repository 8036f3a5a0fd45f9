/** Built-in tools as a model sees them: what a manifest means by the name of one alone. */

import defaults from "./shipped/defaultToolManifest.json" with { type: "json" }
import type { ToolSpec } from "../call/tool-spec.ts"

/** Not in the default manifest: they need settings, or cost money. */
const OTHERS: readonly ToolSpec[] = [
  {
    name: "send-sms",
    description: "Sends a text message to the caller. Ask first, and say that you sent it.",
    parameters: {
      type: "object",
      properties: {
        to: { type: "string", description: "The number; leave it out for the caller's own." },
        message: { type: "string", description: "The text, at most 1600 characters." },
      },
      required: ["message"],
      additionalProperties: false,
    },
  },
  {
    name: "remember",
    description:
      "Remembers something about the caller for later calls. Only what the caller wants to be remembered.",
    parameters: {
      type: "object",
      properties: {
        note: { type: "string", description: "One fact in one sentence, at most 500 characters." },
        name: { type: "string", description: "The caller's name." },
        language: { type: "string", description: "The caller's language as a tag, such as en-US." },
      },
      additionalProperties: false,
    },
  },
  {
    name: "change-context",
    description: "Changes your instructions to those of another subject.",
    parameters: {
      type: "object",
      properties: {
        newContext: { type: "string", description: "The key of the context." },
        newManifest: { type: "string", description: "The key of a tool manifest, if the tools change too." },
        handoffSummary: { type: "string", description: "What was said so far, in two or three sentences." },
      },
      required: ["newContext"],
      additionalProperties: false,
    },
  },
]

/** By name. */
export const BUILT_IN_SPECS: ReadonlyMap<string, ToolSpec> = new Map(
  [
    ...defaults.tools.map((tool): ToolSpec => {
      const { name, description, parameters } = tool
      return { name, description, parameters, ...("strict" in tool ? { strict: tool.strict } : {}) }
    }),
    ...OTHERS,
  ].map((spec) => [spec.name, spec]),
)
