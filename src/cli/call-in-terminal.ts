/** `parley call`: the user of the terminal is the caller: types speech, presses keys, interrupts. */

import { createInterface } from "node:readline/promises"
import type { Config } from "../config/config.ts"
import { startLocalServer } from "./local-server.ts"

export type CallCommandOptions = {
  from: string
  to: string
  /** Speed of the agent's speech relative to real time. */
  speed: number
  print: (line: string) => void
}

const HELP = `Type what the caller says and press Enter; while the agent speaks, that interrupts it.
  /press 123#   press keys        /interrupt   interrupt without words
  /hangup       end the call      /help        show this`

/** Resolves to the exit code when the call is over. */
export async function call(config: Config, { from, to, speed, print }: CallCommandOptions): Promise<number> {
  await using local = await startLocalServer({ config, databaseUrl: config.databaseUrl, speed })
  print(HELP)
  print("")
  const leg = local.twilio.call({ from, to, direction: "inbound" })
  leg.spoken.listen(({ text, source, complete }) => {
    const what = source === "digits" ? `(presses ${text})` : text.trim()
    print(`agent> ${what}${complete ? "" : " —"}`)
  })
  const terminal = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  terminal.on("line", (line) => {
    const [command = "", ...rest] = line.trim().split(/\s+/)
    if (command === "") return
    if (!command.startsWith("/")) {
      if (!leg.say(line.trim()).delivered) print("(no session is open)")
    } else if (command === "/press") leg.press(rest.join(""))
    else if (command === "/interrupt") leg.interrupt()
    else if (command === "/hangup") leg.hangup()
    else print(HELP)
  })
  terminal.on("close", () => leg.hangup())
  const summary = await leg.ended
  terminal.removeAllListeners("close")
  terminal.close()
  print("")
  print(
    `The call has ended (${summary.status}). It is stored as ${summary.callSid} in ${config.databaseUrl}.`,
  )
  for (const problem of summary.problems) print(`Problem: ${problem}`)
  return 0
}
