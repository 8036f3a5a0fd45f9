/** What a caller logs in with. Kept from logs, rows and models: only the request of the login reads it. */

import { inspect } from "node:util"

const SHOWN = "[credentials]"

export class Credentials {
  readonly #email: string
  readonly #password: string

  constructor({ email, password }: { email: string; password: string }) {
    this.#email = email
    this.#password = password
  }

  /** For the request of the login alone. */
  reveal(): { email: string; password: string } {
    return { email: this.#email, password: this.#password }
  }

  toString(): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }

  [inspect.custom](): string {
    return SHOWN
  }
}
