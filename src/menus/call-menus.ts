/** Moves calls through their menus: reads where a call is, asks the machine for the next state, stores it once. */

import type { Menu } from "../assets/menu.ts"
import { readAsset } from "../assets/asset-text.ts"
import type { Call } from "../call/call.ts"
import type { MenuState } from "../call/menu-state.ts"
import type { NextStep } from "../call/next-step.ts"
import type { CallMenus, MenuStart } from "../control/call-menus.ts"
import { reconnectLater } from "../control/connect.ts"
import { agentOf, publish, type ControlContext } from "../control/context.ts"
import type { StoredMenu } from "../store/calls.ts"
import { checkNumber } from "./check-number.ts"
import { beginMenu, seedOf, stepMenu } from "./machine.ts"
import { menuPhrases } from "./phrases.ts"
import type { MenuInput, MenuResult, MenuScene } from "./scene.ts"
import { carryOut } from "./steps.ts"

/** Menus and lookups within one step. */
const MAX_ROUNDS = 20
/** A call whose model failed comes to its menu at most so often. */
const MAX_RETURNS = 3
/** Added to the number of answers with each return, so that it is limited with them. */
const RETURN_COST = 40

/** The menus of all calls. They keep nothing in memory. */
export function createCallMenus(context: ControlContext): CallMenus {
  return {
    async begin(call, start) {
      const stored = await context.store.calls.menuOf(call.id)
      if (stored && start.reason === "call-began") return present(context, call)
      return beginAt(context, call, { start, stored })
    },

    async transferFailed(call) {
      const stored = await context.store.calls.menuOf(call.id)
      const action = stored?.state.action
      if (!stored || action?.kind !== "transfer" || action.failed === null) return undefined
      return takeInput(context, call, { stored, input: { kind: "transfer-failed" } })
    },
  }
}

async function beginAt(
  context: ControlContext,
  call: Call,
  { start, stored }: { start: MenuStart; stored: StoredMenu | undefined },
): Promise<NextStep | undefined> {
  const { menu: key, paths = "menus", reason } = start
  const menu = context.assets.menu(key)
  if (!menu) return undefined
  const answers = stored && reason === "model-failed" ? stored.state.answers + RETURN_COST : 0
  if (answers > MAX_RETURNS * RETURN_COST + RETURN_COST) return undefined
  keepVersion(context, menu)
  const begun = beginMenu(sceneOf(context, call, menu), { paths, answers })
  const state = await settled(context, call, begun)
  const from = stored?.revision ?? 0
  if (!(await context.store.calls.advanceMenu(call.id, { from, state }))) return present(context, call)
  publish(context, call, { type: "menu.started", menu: key })
  context.log.info("menu started", { callSid: call.sid, menu: key, reason })
  return carryOut(context, call, { state, revision: from + 1 })
}

/** Where the call is now; a hang-up for one that is in no menu. */
export async function present(context: ControlContext, call: Call): Promise<NextStep> {
  const stored = await context.store.calls.menuOf(call.id)
  // A late request must neither take the token of a session nor make its addresses those of an earlier one.
  const isConnected = (await context.store.calls.lastToken(call.id)) !== undefined
  if (stored?.state.action.kind === "agent" && isConnected) return reconnectLater(context, call, 0)
  return stored ? carryOut(context, call, stored) : { kind: "hang-up" }
}

/** The step after an input. Of several inputs to one state only one has an effect; the others get its step. */
export async function takeInput(
  context: ControlContext,
  call: Call,
  { stored, input }: { stored: StoredMenu; input: MenuInput },
): Promise<NextStep> {
  const before = stored.state
  const menu = await menuOf(context, before)
  if (!menu) {
    context.log.error("the menu of a call does not exist any more", { callSid: call.sid, menu: before.menu })
    return { kind: "say", text: agentOf(context, call).phrases.goodbye, then: { kind: "hang-up" } }
  }
  const result = stepMenu(sceneOf(context, call, menu), before, input)
  const state = await settled(context, call, result)
  const isStored =
    state !== before && (await context.store.calls.advanceMenu(call.id, { from: stored.revision, state }))
  if (!isStored) return present(context, call)
  reportAnswer(context, call, { menu, before, input, state })
  return carryOut(context, call, { state, revision: stored.revision + 1 })
}

/** Looks up numbers and enters other menus, until the call waits, ends or continues elsewhere. */
async function settled(context: ControlContext, call: Call, first: MenuResult): Promise<MenuState> {
  let result = first
  for (let round = 0; result.kind !== "at" && round < MAX_ROUNDS; round += 1) result = await next(result)
  if (result.kind === "at") return result.state
  const { state } = result
  const { language } = state
  return {
    ...state,
    prompts: [{ kind: "text", text: menuPhrases(language).closing, language }],
    action: { kind: "hang-up", reason: "the menus lead to each other without an end" },
  }

  async function next(open: Exclude<MenuResult, { kind: "at" }>): Promise<MenuResult> {
    const key = open.kind === "enter-menu" ? open.menu : open.state.menu
    const menu = open.kind === "enter-menu" ? context.assets.menu(key) : await menuOf(context, open.state)
    if (!menu) return { kind: "at", state: { ...open.state, action: { kind: "agent", agent: null } } }
    const scene = sceneOf(context, call, menu)
    if (open.kind === "check-number")
      return stepMenu(scene, open.state, await checkNumber(context, call, open))
    keepVersion(context, menu)
    return beginMenu(scene, seedOf(open.state))
  }
}

function sceneOf(context: ControlContext, call: Call, menu: Menu): MenuScene {
  const { timeZone } = agentOf(context, call)
  const caller = call.direction === "inbound" ? call.from : call.to
  return { menu, now: context.sweep.clock.now(), caller, parameters: call.parameters, timeZone }
}

/** A call keeps the version of the menu that it began with. */
async function menuOf({ assets, store, log }: ControlContext, state: MenuState): Promise<Menu | undefined> {
  const { menu: key, version } = state
  const inForce = assets.menu(key)
  if (inForce?.version === version) return inForce
  const text = await store.assets.read("menu", key, version)
  if (text === undefined) return inForce
  const read = readAsset({ kind: "menu", key, text, name: `menu ${key}`, source: "api" }, [])
  if (read.ok && read.meaning.kind === "menu") return read.meaning.menu
  log.warn("a stored version of a menu cannot be read, the present one is used", { menu: key, version })
  return inForce
}

/** Files change; what a call runs with stays readable. */
function keepVersion({ assets, store, sweep, log }: ControlContext, { key, version }: Menu): void {
  const text = assets.menuText(key)
  if (text === undefined) return
  const kept = store.assets.saveVersion({ kind: "menu", key, version, text, at: sweep.clock.now() })
  log.background("keeping the version of a menu", kept)
}

type Answered = { menu: Menu; before: MenuState; input: MenuInput; state: MenuState }

function reportAnswer(context: ControlContext, call: Call, { menu, before, input, state }: Answered): void {
  if (input.kind === "transfer-failed" || input.kind === "checked") return
  const step = menu.steps[before.step]
  const isSecret = step?.kind === "digits" && step.secret
  const text = input.kind === "keys" ? input.digits : input.kind === "speech" ? input.text : undefined
  publish(context, call, {
    type: "menu.answered",
    menu: before.menu,
    step: before.step,
    input: input.kind === "recorded" ? "message" : input.kind === "enter-again" ? "none" : input.kind,
    ...(text === undefined || isSecret ? {} : { text: text.slice(0, 500) }),
    next: state.action.kind === "ask" || state.action.kind === "record" ? state.step : state.action.kind,
  })
}
