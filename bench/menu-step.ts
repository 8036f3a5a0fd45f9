/** What one step of a menu costs: the machine with its TwiML alone, and the whole webhook with signature and database. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../src/app.ts"
import { readAsset } from "../src/assets/asset-text.ts"
import { readConfig } from "../src/config/config.ts"
import { configureLog } from "../src/lib/log.ts"
import { beginMenu, stepMenu } from "../src/menus/machine.ts"
import type { MenuInput, MenuScene } from "../src/menus/scene.ts"
import { signatureFor } from "../src/twilio/signature.ts"
import { renderNextStep } from "../src/twilio/twiml.ts"
import { ROOT } from "./parts/process.ts"
import { fixed, quantile, type Table } from "./parts/summary.ts"

const PUBLIC_URL = "https://parley.test"
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
const MENU = "receptionist"
const WARM_UP = 2_000
const STEPS = 20_000
const CALLS = 1_000
/** What each caller does: a key that means nothing, a word that means nothing, a key. */
const INPUTS: readonly Record<string, string>[] = [
  { Digits: "9" },
  { SpeechResult: "I do not know what to say", Confidence: "0.9" },
  { Digits: "2" },
]

export async function menuStep(): Promise<Table[]> {
  const machine = machineAlone()
  const { starts, steps } = await wholeWebhooks()
  return [
    {
      title: "CPU of one step of a menu, in ms",
      head: ["what", "requests", "CPU per step", "longest of 99 %"],
      rows: [
        ["machine and TwiML alone", String(STEPS), fixed(machine, 4), "–"],
        ["webhook that begins the menu", String(starts.count), fixed(starts.cpuMs, 3), fixed(starts.p99, 3)],
        ["webhook with an input", String(steps.count), fixed(steps.cpuMs, 3), fixed(steps.p99, 3)],
      ],
    },
  ]
}

function machineAlone(): number {
  const text = readFileSync(join(ROOT, `src/assets/shipped/menus/${MENU}.json`), "utf8")
  const read = readAsset({ kind: "menu", key: MENU, text, name: MENU, source: "embedded" }, [])
  if (!read.ok || read.meaning.kind !== "menu") throw new Error("the menu cannot be read")
  const { menu } = read.meaning
  // A Friday at ten in New York.
  const now = Date.UTC(2026, 10, 27, 15)
  const scene: MenuScene = { menu, now, caller: "+15550100001", parameters: {}, timeZone: undefined }
  const begun = beginMenu(scene, { paths: "menus" })
  if (begun.kind !== "at") throw new Error("the menu does not ask")
  const inputs: readonly MenuInput[] = [
    { kind: "keys", digits: "9" },
    { kind: "speech", text: "I do not know what to say" },
  ]
  const run = (count: number) => {
    for (let index = 0; index < count; index++) {
      const result = stepMenu(scene, begun.state, inputs[index % inputs.length] ?? { kind: "none" })
      if (result.kind !== "at" || result.state.action.kind !== "ask") throw new Error("the menu does not ask")
      const { prompts, action } = result.state
      renderNextStep({ ...action, kind: "gather", prompts, actionUrl: `${PUBLIC_URL}/twilio/menus/m/s?n=2` })
    }
  }
  run(WARM_UP)
  const before = process.cpuUsage()
  run(STEPS)
  return cpuMsSince(before) / STEPS
}

type Cost = { count: number; cpuMs: number; p99: number }

async function wholeWebhooks(): Promise<{ starts: Cost; steps: Cost }> {
  const dir = mkdtempSync(join(tmpdir(), "parley-menu-step-"))
  configureLog({ level: "error", format: "json", secrets: [] })
  const app = await createApp(
    readConfig({
      PUBLIC_URL,
      TWILIO_AUTH_TOKEN: AUTH_TOKEN,
      MODEL_PROVIDER: "demo",
      DATABASE_URL: join(dir, "parley.db"),
      ASSETS_DIR: join(dir, "assets"),
      TRANSCRIPT_LOG_DIR: "off",
    }),
  )
  // One process for both sides, without a socket in between: only the server's own work is counted.
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const post = async (path: string, form: Record<string, string>): Promise<string> => {
    const signature = signatureFor({ authToken: AUTH_TOKEN, url: `${PUBLIC_URL}${path}`, form })
    const request = new Request(`http://127.0.0.1${path}`, {
      method: "POST",
      headers: {
        Host: "parley.test",
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": signature,
        "I-Twilio-Idempotency-Token": crypto.randomUUID(),
      },
      body: new URLSearchParams(form).toString(),
    })
    const answer = await app.fetch(request, server as unknown as Parameters<typeof app.fetch>[1])
    return (await answer?.text()) ?? ""
  }
  const calls = Array.from({ length: CALLS }, () => formOf(`CA${crypto.randomUUID().replaceAll("-", "")}`))
  const starts: number[] = []
  const steps: number[] = []
  const actions: string[] = []
  let before = process.cpuUsage()
  for (const form of calls) {
    const at = performance.now()
    actions.push(actionOf(await post(`/twilio/voice?menu=${MENU}`, form)))
    starts.push(performance.now() - at)
  }
  const startMs = cpuMsSince(before)
  before = process.cpuUsage()
  for (const input of INPUTS) {
    for (const [index, form] of calls.entries()) {
      const at = performance.now()
      const answer = await post(actions[index] ?? "", { ...form, ...input })
      steps.push(performance.now() - at)
      actions[index] = actionOf(answer)
    }
  }
  const stepMs = cpuMsSince(before)
  await server.stop(true)
  await app.close()
  rmSync(dir, { recursive: true })
  return { starts: costOf(starts, startMs), steps: costOf(steps, stepMs) }
}

function costOf(samples: readonly number[], cpuMs: number): Cost {
  return { count: samples.length, cpuMs: cpuMs / samples.length, p99: quantile(samples, 0.99) }
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** The path of the next request, of a question or of a message. */
function actionOf(twiml: string): string {
  const url = /action="([^"]+)"/.exec(twiml)?.[1]?.replaceAll("&amp;", "&") ?? ""
  return url.slice(PUBLIC_URL.length).split("#", 1)[0] ?? ""
}

function formOf(CallSid: string): Record<string, string> {
  return {
    AccountSid: `AC${"0".repeat(32)}`,
    ApiVersion: "2010-04-01",
    CallSid,
    CallStatus: "in-progress",
    Direction: "inbound",
    From: "+15550100001",
    To: "+15550100002",
  }
}
