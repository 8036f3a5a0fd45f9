import { expect, test } from "bun:test"
import type { EndCause } from "../../src/call/call.ts"
import { newCallId } from "../../src/call/ids.ts"
import { memoryHangUpCauses } from "../../src/control/hang-up-causes.ts"

test("the last cause of a hang-up counts, and only its own removal removes it", async () => {
  const causes = memoryHangUpCauses()
  const id = newCallId()
  const first: EndCause = { by: "agent", reason: "done" }
  const second: EndCause = { by: "api", reason: "stopped" }
  const removeFirst = await causes.note(id, first)
  const removeSecond = await causes.note(id, second)
  await removeFirst()
  expect([await causes.of(id), causes.size]).toEqual([second, 1])
  await removeSecond()
  await removeSecond()
  expect([await causes.of(id), causes.size]).toEqual([undefined, 0])
})
