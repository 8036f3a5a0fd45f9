/** Several processes on one database file: each thing that may happen once happens in one of them. */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openStore } from "../../../src/store/open-store.ts"
import { sampleCall } from "../fixture.ts"
import type { Race, Wins } from "./racer.ts"

const CALLS = 40
const PROCESSES = 2

test("keys, tokens, receipts, leases, resumptions and ends are won by one process each", async () => {
  const dir = mkdtempSync(join(tmpdir(), "parley-race-"))
  using _ = { [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
  const race: Race = { url: join(dir, "parley.db"), start: join(dir, "start"), calls: [] }
  await using store = await openStore({ url: race.url })
  for (let index = 0; index < CALLS; index++) {
    const { id } = await store.calls.create(sampleCall())
    await store.calls.issueToken(id, `t${index}`, 1000)
    const jobId = (await store.jobs.add({ kind: "k", callId: id, dueAt: 1, createdAt: 1 })) ?? ""
    race.calls.push({ id, jobId })
  }
  const racers = Array.from({ length: PROCESSES }, () =>
    Bun.spawn([process.execPath, join(import.meta.dir, "racer.ts"), JSON.stringify(race)], {
      stdout: "pipe",
      stderr: "inherit",
    }),
  )
  const outputs = racers.map(({ stdout }) => linesOf(stdout))
  for (const output of outputs) expect((await output.next()).value).toBe("ready")
  writeFileSync(race.start, "")
  const wins = await Promise.all(
    outputs.map(async (output): Promise<Wins> => JSON.parse(String((await output.next()).value))),
  )
  await Promise.all(racers.map(({ exited }) => exited))

  const all = Array.from({ length: CALLS }, (_, index) => index)
  const won = (prize: keyof Wins) => wins.flatMap((own) => own[prize]).toSorted((a, b) => a - b)
  expect({
    placed: won("placed"),
    claimed: won("claimed"),
    accepted: won("accepted"),
    leased: won("leased"),
    resumed: won("resumed"),
    ended: won("ended"),
  }).toEqual({ placed: all, claimed: all, accepted: all, leased: all, resumed: all, ended: all })
})

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    yield* lines
  }
}
