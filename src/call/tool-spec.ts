/** A tool as a model sees it. */

import type { HttpToolSpec } from "./http-tool-spec.ts"

/** Arguments of a tool as JSON Schema (draft 2020-12). */
export type JsonSchema = { readonly [key: string]: unknown }

export type ToolSpec = {
  /** Letters, digits, `_` and `-`, at most 64. (OpenAI: "Function calling".) */
  readonly name: string
  readonly description: string
  readonly parameters: JsonSchema
  readonly strict?: boolean | undefined
  /** For a tool that asks an HTTP service; never shown to the model. */
  readonly http?: HttpToolSpec | undefined
}
