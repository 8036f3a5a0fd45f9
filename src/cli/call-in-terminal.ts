/** `parley call`: the user of the terminal is the caller: types speech, presses keys, interrupts. */

import { createInterface, type Interface } from "node:readline/promises"
import { z } from "zod"
import type { Config } from "../config/config.ts"
import { AppError } from "../lib/errors.ts"
import type { SimulatedCall } from "../sim/simulated-call.ts"
import { printCallEvents, printLanguages } from "./call-lines.ts"
import { startLocalServer } from "./local-server.ts"

export type CallCommandOptions = {
  from: string
  to: string
  /** Speed of the agent's speech relative to real time. */
  speed: number
  /** Key of a menu that the call begins with. */
  menu?: string | undefined
  print: (line: string) => void
}

const Menus = z.object({ menus: z.array(z.object({ key: z.string() })) })

const HELP = `Type what the caller says and press Enter; while the agent speaks, that interrupts it.
  123#          press keys while a menu asks; /press 123# presses them at any time
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
export async function call(
  config: Config,
  { from, to, speed, menu, print }: CallCommandOptions,
): Promise<number> {
  await using local = await startLocalServer({
    config,
    databaseUrl: config.databaseUrl,
    speed,
    onEvent: printCallEvents(config, print),
  })
  if (menu !== undefined) await requireMenu(local.url, menu)
  print(HELP)
  print("")
  const voiceUrl = menu === undefined ? {} : { voiceUrl: `/twilio/voice?menu=${encodeURIComponent(menu)}` }
  const leg = local.call({ from, to, ...voiceUrl })
  leg.questions.listen(({ name }) => {
    if (name === "Record") print("  [beep: leave a message, and # to end it]")
  })
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
        const asked = leg.questions.next()
        await Promise.race([leg.agentTurn(), asked, sweep.sleep(TURN_TIMEOUT_MS)])
        if (leg.asks) return
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

/** Throws `AppError` NOT_FOUND that lists the menus there are. */
async function requireMenu(url: string, menu: string): Promise<void> {
  const answer = await fetch(`${url}/v1/menus`)
  const { menus } = Menus.parse(await answer.json())
  if (menus.some(({ key }) => key === menu)) return
  const known = menus.map(({ key }) => key).join(", ")
  throw new AppError("NOT_FOUND", `There is no menu ${menu}; there are ${known}.`)
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
  if (leg.asks && /^[0-9*#]+$/.test(line)) {
    leg.press(line)
    return "answered"
  }
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
