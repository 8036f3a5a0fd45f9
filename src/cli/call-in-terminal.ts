/** `parley call`: the user of the terminal is the caller: types speech, presses keys, interrupts. */

import { createInterface, type Interface } from "node:readline/promises"
import type { Config } from "../config/config.ts"
import type { SimulatedCall } from "../sim/simulated-call.ts"
import { printCallEvents, printLanguages } from "./call-lines.ts"
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

/** How long a piped caller waits for the agent, in milliseconds. */
const TURN_TIMEOUT_MS = 30_000
/** How long the agent must be silent to have finished, in milliseconds at normal speed. */
const SETTLE_MS = 1_500

/**
 * Resolves to the exit code when the call is over. On a terminal every line has its effect at once; lines of a pipe or a
 * file each wait until the agent has finished, and the caller hangs up after the last answer.
 */
export async function call(config: Config, { from, to, speed, print }: CallCommandOptions): Promise<number> {
  await using local = await startLocalServer({
    config,
    databaseUrl: config.databaseUrl,
    speed,
    onEvent: printCallEvents(config, print),
  })
  print(HELP)
  print("")
  const leg = local.call({ from, to })
  leg.spoken.listen(({ text, source, complete }) => {
    const what = source === "digits" ? `(presses ${text})` : text.trim()
    print(`agent> ${what}${complete ? "" : " —"}`)
  })
  printLanguages(leg, print)
  const input = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  if (process.stdin.isTTY) {
    input.on("line", (line) => void obey(leg, line, print))
    input.on("close", () => leg.hangup())
  } else {
    const { sweep } = local.twilio
    const agentTurn = async () => {
      do {
        await Promise.race([leg.agentTurn(), sweep.sleep(TURN_TIMEOUT_MS)])
        await sweep.sleep(Math.max(250, SETTLE_MS / speed))
      } while (leg.agentSpeaking)
    }
    await Promise.race([speakLines(leg, input, { agentTurn, print }).catch(() => {}), leg.ended])
    leg.hangup()
  }
  const summary = await leg.ended
  input.removeAllListeners("close")
  input.close()
  print("")
  print(
    `The call has ended (${summary.status}). It is stored as ${summary.callSid} in ${config.databaseUrl}.`,
  )
  for (const problem of summary.problems) print(`Problem: ${problem}`)
  return 0
}

type Lines = { agentTurn: () => Promise<void>; print: (line: string) => void }

async function speakLines(leg: SimulatedCall, input: Interface, { agentTurn, print }: Lines): Promise<void> {
  // Lines that come before the greeting has ended wait here.
  const lines = input[Symbol.asyncIterator]()
  await agentTurn()
  for (;;) {
    const next = await lines.next()
    if (next.done) return
    const line = next.value.trim()
    if (line !== "" && !line.startsWith("/")) print(`caller> ${line}`)
    if (obey(leg, line, print) === "answered") await agentTurn()
  }
}

/** Carries out one line. `answered`: the agent is expected to say something now. */
function obey(leg: SimulatedCall, text: string, print: (line: string) => void): "answered" | "done" {
  const line = text.trim()
  const [command = "", ...rest] = line.split(/\s+/)
  if (command === "") return "done"
  if (!command.startsWith("/")) {
    const { delivered } = leg.say(line)
    if (!delivered) print("(no session is open: this is not heard)")
    return delivered ? "answered" : "done"
  }
  switch (command) {
    case "/press": {
      const keys = rest.join("")
      if (!/^[0-9*#]+$/.test(keys)) {
        print("(keys are 0 to 9, * and #, as in /press 123#)")
        return "done"
      }
      if (leg.press(keys) === keys.length) return "answered"
      print("(no session is open, or it takes no keys)")
      return "done"
    }
    case "/interrupt":
      if (leg.interrupt() === undefined) print("(the agent is not speaking)")
      return "done"
    case "/hangup":
      leg.hangup()
      return "done"
    case "/help":
      print(HELP)
      return "done"
    default:
      print(`(there is no command ${command})`)
      print(HELP)
      return "done"
  }
}
