/**
 * kill -9 at any statement between two steps of a menu: the caller continues at the same step, and an input counts once.
 * `CRASH_RUNS` sets how many calls; without it each of a few places once.
 */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseTwiml, type TwimlVerb } from "../../src/sim/twiml-reader.ts"
import { openStore } from "../../src/store/open-store.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { voiceForm } from "../server/client.ts"
import type { CrashRun } from "./crash-child.ts"

/** Statements from an input to the answer, and those of what is written behind it. */
const STATEMENTS = 14
const runs = Number(process.env["CRASH_RUNS"] ?? 0)
/** How many statements are carried out before each kill. */
const KILLS = runs === 0 ? [1, 4, 6] : Array.from({ length: runs }, (_, run) => run % STATEMENTS)

const MENU = {
  start: "first",
  steps: {
    first: {
      kind: "choice",
      say: "First?",
      choices: [{ key: "1", then: "second" }],
      noMatch: "What?",
    },
    second: { kind: "digits", say: "Second?", length: 3, saveAs: "code", confirm: true, then: "third" },
    third: { kind: "yes-no", say: "Third, {code}?", yes: { agent: true }, no: { hangUp: true } },
  },
}
/** What the caller enters, and what it hears then. */
const INPUTS = [
  [{ Digits: "9" }, "What?"],
  [{ Digits: "1" }, "Second?"],
  [{ Digits: "123" }, "You entered 1, 2, 3. Is that correct? Say yes or press 1, say no or press 2."],
  [{ SpeechResult: "yes" }, "Third, 123?"],
] as const

function firstWords(verbs: readonly TwimlVerb[]): string | undefined {
  return verbs[0]?.children[0]?.text
}

test(
  "killed between two steps of a menu, a call continues at the same step",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "parley-menu-crash-"))
    using _ = { [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
    const url = join(dir, "parley.db")
    const env = { DATABASE_URL: url }
    let app = await AppUnderTest.start(env)
    await using stack = new AsyncDisposableStack()
    stack.defer(() => app[Symbol.asyncDispose]())
    {
      const stored = await app.api("/v1/menus/crash", {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(MENU),
      })
      expect(stored.status).toBe(200)
    }
    let killed = 0
    for (const [run, statements] of KILLS.entries()) {
      const form = voiceForm({ CallStatus: "in-progress" })
      const callSid = form["CallSid"] ?? ""
      const crashAt = run % INPUTS.length
      let verbs = await app.twiml("/twilio/voice?menu=crash", form)
      for (const [step, [input, words]] of INPUTS.entries()) {
        const action = new URL(verbs[0]?.attributes["action"] ?? "")
        const webhook = {
          path: `${action.pathname}${action.search}`,
          form: { ...form, ...input },
          idempotencyToken: crypto.randomUUID(),
        }
        if (step === crashAt) {
          await app[Symbol.asyncDispose]()
          const argument: CrashRun = { env, callSid, webhook, statements }
          const child = Bun.spawn(
            [process.execPath, join(import.meta.dir, "crash-child.ts"), JSON.stringify(argument)],
            { stdout: "ignore", stderr: "ignore" },
          )
          await child.exited
          if (child.signalCode === "SIGKILL") killed += 1
          app = await AppUnderTest.start(env)
        }
        // Twilio repeats a request that was not answered.
        const { idempotencyToken } = webhook
        const answer = await app.webhook(webhook.path, webhook.form, { idempotencyToken })
        verbs = parseTwiml(await answer.text())
        expect({ run, step, words: firstWords(verbs) }).toEqual({ run, step, words })
      }
      await using store = await openStore({ url })
      const { id } = (await store.calls.list({ limit: 1 })).calls[0] ?? {}
      const stored = id === undefined ? undefined : await store.calls.menuOf(id)
      expect({ run, revision: stored?.revision, values: stored?.state.values }).toEqual({
        run,
        revision: INPUTS.length + 1,
        values: { code: "123" },
      })
    }
    expect(killed).toBeGreaterThan(KILLS.length / 2)
  },
  { timeout: 60_000 + KILLS.length * 10_000 },
)
