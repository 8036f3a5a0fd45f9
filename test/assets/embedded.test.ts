/** The assets carried in the program are those of the folder `src/assets/shipped/`: a folder of a user hides none of its fields. */

import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { EMBEDDED } from "../../src/assets/embedded.ts"
import { kindOf } from "../../src/assets/files.ts"

test("every asset of the folder is carried in the program, unchanged", () => {
  const folder = join(import.meta.dir, "../../src/assets/shipped")
  const names = [...readdirSync(folder), ...readdirSync(join(folder, "menus")).map((name) => `menus/${name}`)]
  const files = names.filter((name) => kindOf(name))
  expect(
    Object.fromEntries(Object.entries(EMBEDDED).map(([name, text]) => [name, content(name, text)])),
  ).toEqual(
    Object.fromEntries(files.map((name) => [name, content(name, readFileSync(join(folder, name), "utf8"))])),
  )
})

function content(name: string, text: string): unknown {
  return name.endsWith(".json") ? JSON.parse(text) : text
}
