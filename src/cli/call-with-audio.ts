/** `parley call --engine realtime`: audio files are the caller: one plays after each turn of the agent, then the caller hangs up. */

import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { isWav, readWav } from "../audio/wav.ts"
import type { Config } from "../config/config.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import { playScenario, type ScenarioStep } from "../sim/scenario.ts"
import { eventLine, printCallEvents, printTranscript } from "./call-lines.ts"
import { startLocalServer } from "./local-server.ts"

export type CallWithAudioOptions = {
  from: string
  to: string
  /** Speed of the audio relative to real time. A model behind a network needs 1. */
  speed: number
  /** What the caller says: WAV files, or raw mu-law at 8 kHz. */
  wavs: readonly string[]
  /** Where a stereo WAV of the call is written: the caller left, the agent right. */
  record?: string | undefined
  print: (line: string) => void
}

/**
 * Resolves to the exit code when the call is over. Throws `AppError` INVALID_REQUEST for a file that cannot be read, before
 * anything is started.
 */
export async function callWithAudio(
  config: Config,
  { from, to, speed, wavs, record, print }: CallWithAudioOptions,
): Promise<number> {
  const steps: ScenarioStep[] = [{ type: "hear" }]
  for (const path of wavs) {
    steps.push({ type: "speak", audio: readAudio(path), text: `(${basename(path)})` }, { type: "hear" })
  }
  steps.push({ type: "hang-up" })
  await using local = await startLocalServer({
    config,
    databaseUrl: config.databaseUrl,
    speed,
    engine: "realtime",
    onEvent: printCallEvents(config, print),
  })
  const call = local.call({ from, to, ...(record === undefined ? {} : { recordTo: record }) })
  const startedAt = local.twilio.sweep.clock.now()
  const summary = await playScenario(call, steps, {
    sweep: local.twilio.sweep,
    settleMs: Math.max(250, 1_500 / speed),
    onEvent: (event) => print(eventLine(event, startedAt)),
    isInterrupted: () => local.isInterrupted,
  })
  await printTranscript(local.url, summary.callSid, print)
  print("")
  print(`The call is stored as ${summary.callSid} in ${config.databaseUrl}.`)
  if (record !== undefined) print(`The audio of the call is in ${record}: the caller left, the agent right.`)
  for (const problem of summary.problems) print(`Problem: ${problem}`)
  return summary.problems.length === 0 ? 0 : 1
}

/** Mu-law without a header looks like any other bytes: the name must say that it is. */
const RAW_MULAW = /\.(?:ulaw|mulaw|ul|raw)$/i
const WANTED = "Convert it to WAV (16-bit PCM), or name raw mu-law at 8 kHz .ulaw."

function readAudio(path: string): Uint8Array {
  try {
    const bytes = new Uint8Array(readFileSync(path))
    // Fails before the call starts.
    if (isWav(bytes)) {
      if (readWav(bytes).samples.length === 0) throw new Error("it contains no audio")
    } else if (!RAW_MULAW.test(path)) throw new Error(`it is not a WAV file. ${WANTED}`)
    else if (bytes.length === 0) throw new Error("it is empty")
    return bytes
  } catch (error) {
    throw new AppError("INVALID_REQUEST", `${path} cannot be used as audio: ${messageOf(error)}`)
  }
}
