import { expect, test } from "bun:test"
import { isSupervised } from "../../../src/cli/supervisor/is-supervised.ts"

test.each([
  ["the default command", [], {}, true],
  ["serve", ["serve", "--port", "0"], {}, true],
  ["options of the default command", ["-p", "0"], {}, true],
  ["the version of the program", ["--version"], {}, false],
  ["a simulated call", ["demo"], {}, false],
  ["SUPERVISOR=off", ["serve"], { SUPERVISOR: "off" }, false],
  ["a worker", ["serve"], { PARLEY_WORKER: "{}" }, false],
] as const)("%s", (_, args, env, expected) => expect(isSupervised(args, env)).toBe(expected))
