/**
 * A server that learns of the end of a call, continues with what follows, and is killed right before one of the statements
 * that its database is given from then on. Its argument is a `CrashRun` as JSON.
 */

import { Database, type Statement } from "bun:sqlite"
import { AppUnderTest } from "../server/app-under-test.ts"
import { voiceForm } from "../server/client.ts"

export type CrashRun = {
  env: Record<string, string>
  callSid: string
  /** What it is sent, in place of the end of the call. */
  webhook?: { path: string; form: Record<string, string>; idempotencyToken: string }
  /** Statements that are carried out before the process is killed. */
  statements: number
}

/** Statements that may still be carried out. */
let left = Number.POSITIVE_INFINITY

/** SIGKILL: nothing is written, closed or sent any more. */
function countDown(): void {
  if (left-- <= 0) process.kill(process.pid, "SIGKILL")
}

const RUNS: ReadonlySet<string | symbol> = new Set(["run", "get", "all", "values", "raw"])

function counted<S extends Statement>(statement: S): S {
  return new Proxy(statement, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== "function") return member
      return function call(...args: unknown[]): unknown {
        if (RUNS.has(name)) countDown()
        return Reflect.apply(member, target, args)
      }
    },
  })
}

/** Counts every statement of every database: also those that begin and end transactions. */
function countStatements(): void {
  // oxlint-disable-next-line typescript/unbound-method -- applied to the database it is called on
  const { prepare, query, run } = Database.prototype
  Object.assign(Database.prototype, {
    prepare(this: Database, ...args: Parameters<typeof prepare>) {
      return counted(Reflect.apply(prepare, this, args))
    },
    query(this: Database, ...args: Parameters<typeof query>) {
      return counted(Reflect.apply(query, this, args))
    },
    run(this: Database, ...args: Parameters<typeof run>) {
      countDown()
      return Reflect.apply(run, this, args)
    },
  })
}

async function main({ env, callSid, webhook, statements }: CrashRun): Promise<void> {
  countStatements()
  await using app = await AppUnderTest.start(env)
  left = statements
  const ended = voiceForm({ CallSid: callSid, CallStatus: "completed" })
  const { path, form, idempotencyToken } = webhook ?? {
    path: "/twilio/status",
    form: ended,
    idempotencyToken: undefined,
  }
  await app.webhook(path, form, idempotencyToken === undefined ? {} : { idempotencyToken })
  for (let step = 0; step < 20; step++) {
    await app.clock.pass(500)
    // A round trip on the network, for what the jobs send and wait for.
    await app.api("/health")
  }
  console.log(`done, ${statements - left} statements`)
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? ""))
