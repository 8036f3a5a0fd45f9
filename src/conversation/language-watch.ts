/** Follows the language that the caller speaks, among those that are declared. Pure. */

/** Prompts in a row in another language before the agent follows. The very first one is followed at once. */
const PROMPTS_TO_SWITCH = 2

export class LanguageWatch {
  readonly #declared: readonly string[]
  #current: string | undefined
  #candidate: { tag: string; prompts: number } | undefined
  #on = true

  /** `declared`: language tags such as `en-AU`, the preferred one of a language first. */
  constructor(declared: readonly string[]) {
    this.#declared = declared
  }

  /** A tool or a program has chosen a language: from here on what the caller speaks changes nothing. */
  stop(): void {
    this.#on = false
  }

  /** Takes the recognised language of a finished prompt; returns the tag to speak from now on, if it changes. */
  heard(lang: string | undefined): string | undefined {
    const tag = this.#tagOf(lang)
    if (!this.#on || tag === undefined) return undefined
    if (tag === this.#current) {
      this.#candidate = undefined
      return undefined
    }
    const prompts = this.#candidate?.tag === tag ? this.#candidate.prompts + 1 : 1
    if (this.#current !== undefined && prompts < PROMPTS_TO_SWITCH) {
      this.#candidate = { tag, prompts }
      return undefined
    }
    this.#candidate = undefined
    this.#current = tag
    return tag
  }

  /** The declared tag of what was recognised, which may be only the primary part, such as `en`. */
  #tagOf(lang: string | undefined): string | undefined {
    if (!lang) return undefined
    const wanted = lang.toLowerCase()
    const exact = this.#declared.find((tag) => tag.toLowerCase() === wanted)
    return exact ?? this.#declared.find((tag) => primaryOf(tag) === primaryOf(wanted))
  }
}

function primaryOf(tag: string): string {
  return tag.toLowerCase().split("-")[0] ?? ""
}
