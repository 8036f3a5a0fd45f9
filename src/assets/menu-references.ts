/** What menus refer to: other menus and agents must exist. Pure. */

import type { AssetFault } from "./asset-error.ts"
import type { ReadText } from "./layered-config.ts"
import { targetsOf } from "./menu-schema.ts"

type Known = { agents: ReadonlySet<string>; menus: ReadonlySet<string> }

/** Every reference to something that does not exist, with its place. */
export function menuFaults(assets: readonly ReadText[], { agents, menus }: Known): AssetFault[] {
  return assets.flatMap(({ name, meaning }) => {
    if (meaning.kind !== "menu") return []
    const { menu, lineOf } = meaning
    const found: AssetFault[] = []
    const check = (path: string[], what: "agent" | "menu", key: string) => {
      const known = what === "agent" ? agents : menus
      if (known.has(key)) return
      const message = `there is no ${what} ${key}; there are ${[...known].toSorted().join(", ") || "none"}`
      found.push({ file: name, line: lineOf(path), path: path.join("."), message })
    }
    if (menu.agent !== undefined) check(["agent"], "agent", menu.agent)
    for (const { path, target } of targetsOf(menu)) {
      const { to } = target
      if (to.kind === "agent" && to.agent !== null) check([...path, "agent"], "agent", to.agent)
      if (to.kind === "menu") check([...path, "menu"], "menu", to.menu)
    }
    return found
  })
}
