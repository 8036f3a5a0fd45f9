import { expect, test } from "bun:test"
import { watchOpenFiles } from "../../src/cli/open-files-watch.ts"
import { TestClock } from "../lib/test-clock.ts"
import { notedLog } from "../relay/fixture.ts"

test("the limit of open files is logged once when it is reached, and when it is not any more", () => {
  using clock = new TestClock()
  const lines: string[] = []
  const log = {
    ...notedLog(),
    error: (message: string) => void lines.push(message),
    info: (message: string) => void lines.push(message),
  }
  let code: string | undefined = "EMFILE"
  const stop = watchOpenFiles({
    sweep: clock.sweep,
    log,
    tryOpen() {
      if (code !== undefined) throw Object.assign(new Error("too many open files"), { code })
    },
  })
  clock.advance(10_000)
  code = undefined
  clock.advance(10_000)
  code = "EACCES"
  clock.advance(10_000)
  stop()
  expect(lines).toEqual([
    "the limit of open files is reached: new connections wait until others close",
    "files can be opened again, new connections are accepted",
  ])
})
