/** Menus for tests, and a caller who answers them without a server. */

import { readAsset } from "../../src/assets/asset-text.ts"
import { describeFault } from "../../src/assets/asset-error.ts"
import type { Menu } from "../../src/assets/menu.ts"
import type { LineType } from "../../src/call/line-type.ts"
import type { MenuState } from "../../src/call/menu-state.ts"
import { beginMenu, stepMenu } from "../../src/menus/machine.ts"
import type { MenuInput, MenuResult, MenuScene } from "../../src/menus/scene.ts"

/** A menu of a file. Throws for one with faults. */
export function menuFrom(file: unknown, key = "test"): Menu {
  const text = typeof file === "string" ? file : JSON.stringify(file)
  const read = readAsset({ kind: "menu", key, text, name: `${key}.json`, source: "file" }, [])
  if (!read.ok) throw new Error(read.faults.map(describeFault).join("\n"))
  if (read.meaning.kind !== "menu") throw new Error("no menu")
  return read.meaning.menu
}

/** The faults of a file, as they are shown. */
export function faultsOf(file: unknown): string[] {
  const text = JSON.stringify(file)
  const read = readAsset({ kind: "menu", key: "test", text, name: "test.json", source: "file" }, [])
  return read.ok ? [] : read.faults.map(describeFault)
}

/** Friday noon, UTC. */
export const NOON = Date.UTC(2026, 10, 27, 12)

export type WalkOptions = Partial<Omit<MenuScene, "menu">> & {
  /** What a lookup finds. */
  line?: LineType | "failed" | "not-checked"
}

/** A caller in a menu. */
export class Walk {
  state: MenuState
  readonly #scene: MenuScene
  readonly #line: LineType | "failed" | "not-checked"

  constructor(menu: Menu, { line = "mobile", ...scene }: WalkOptions = {}) {
    this.#scene = { menu, now: NOON, caller: "+15550100001", parameters: {}, timeZone: "UTC", ...scene }
    this.#line = line
    this.state = this.#settle(beginMenu(this.#scene, { paths: "menus" }))
  }

  keys(digits: string): this {
    return this.give({ kind: "keys", digits })
  }

  say(text: string): this {
    return this.give({ kind: "speech", text })
  }

  silence(): this {
    return this.give({ kind: "none" })
  }

  give(input: MenuInput): this {
    this.state = this.#settle(stepMenu(this.#scene, this.state, input))
    return this
  }

  /** What the caller hears. */
  get heard(): string[] {
    return this.state.prompts.map((prompt) => (prompt.kind === "text" ? prompt.text : prompt.url))
  }

  /** What the call does: `ask` with the step, or the action. */
  get at(): string {
    const { action, step, phase } = this.state
    if (action.kind === "ask") return phase === "confirm" ? `confirm ${step}` : `ask ${step}`
    if (action.kind === "transfer") return `transfer ${action.to}`
    return action.kind === "agent" ? `agent ${action.agent ?? "of the call"}` : action.kind
  }

  #settle(result: MenuResult): MenuState {
    if (result.kind === "at") return result.state
    if (result.kind === "enter-menu") throw new Error(`enters ${result.menu}`)
    const digits = result.given.replace(/\D/g, "")
    const number = digits.length < 7 ? undefined : `+${digits}`
    return this.#settle(stepMenu(this.#scene, result.state, { kind: "checked", number, line: this.#line }))
  }
}
