/**
 * The menu machine: `(menu, state, input) → where the call is next`. Pure: what needs the network is returned as a question,
 * whose answer is the next input. Every state says something, and asks, connects or ends.
 */

import type { Menu, MenuConfirm, MenuStep, MenuTarget, MenuTexts } from "../assets/menu.ts"
import type { MenuAction, MenuState } from "../call/menu-state.ts"
import { openingAt } from "../call/opening-hours.ts"
import { isWithheld } from "../lib/withheld.ts"
import { confirmQuestion, gatherQuestion, type AskingStep } from "./question.ts"
import type { MenuInput, MenuResult, MenuScene } from "./scene.ts"
import { at, orOwn, own, speak } from "./speak.ts"
import {
  chosen,
  enteredDate,
  enteredDigits,
  enteredPhone,
  yesOrNo,
  type CallerInput,
  type EnteredValue,
} from "./understand.ts"

/** Steps that follow each other without the caller. */
const MAX_HOPS = 50
/** Requests of one call: someone, or something, that never stops pressing keys. */
const MAX_ANSWERS = 200
/** A question that was given up counts as so many: two that lead to each other would be asked for long. */
const GIVE_UP_COST = 20

type Seed = Pick<MenuState, "paths"> &
  Partial<Pick<MenuState, "language" | "values" | "secrets" | "verifiedNumber" | "answers" | "prompts">>

/** The first state of a menu. What the seed contains comes from the menu before. */
export function beginMenu(scene: MenuScene, seed: Seed): MenuResult {
  const { key: menu, version, language, start } = scene.menu
  const state: MenuState = {
    menu,
    version,
    language,
    step: start,
    phase: "collect",
    entered: null,
    failures: 0,
    unclear: 0,
    values: {},
    verifiedNumber: null,
    answers: 0,
    prompts: [],
    ...seed,
    action: { kind: "hang-up", reason: "" },
  }
  return enter(scene, state, { step: start, hops: 0 })
}

/** The next state. Input that the state does not wait for changes nothing. */
export function stepMenu(scene: MenuScene, before: MenuState, input: MenuInput): MenuResult {
  const unchanged: MenuResult = { kind: "at", state: before }
  const state = { ...before, prompts: [], answers: before.answers + (input.kind === "checked" ? 0 : 1) }
  const step = stepOf(scene.menu, state.step)
  if (!step) return enter(scene, state, { step: scene.menu.start, hops: 0 })
  if (input.kind === "transfer-failed") {
    const failed = before.action.kind === "transfer" ? before.action.failed : null
    return failed === null ? unchanged : enter(scene, state, { step: failed, hops: 0 })
  }
  if (input.kind === "checked") return checked(scene, state, step, input)
  if (before.action.kind !== "ask" && before.action.kind !== "record") return unchanged
  if (state.answers > MAX_ANSWERS) return close(scene, state, "too many inputs")
  if (step.kind === "message") {
    if (input.kind === "recorded" && input.seconds > 0) return go(scene, state, step.then)
    return failed(scene, state, step, step.noInput ?? own(state, "noMessage"))
  }
  if (!isAsking(step)) return unchanged
  if (input.kind === "enter-again") return ask(scene, { ...state, phase: "collect", entered: null }, step)
  if (input.kind === "recorded") return unchanged
  return state.phase === "confirm"
    ? confirmed(scene, state, step, input)
    : collected(scene, state, step, input)
}

/** The language and values that the next menu continues with. */
export function seedOf(state: MenuState): Seed {
  const { paths, language, values, secrets = [], verifiedNumber, answers, prompts } = state
  return { paths, language, values, secrets, verifiedNumber, answers, prompts }
}

type Position = { step: string; hops: number }

function enter(scene: MenuScene, before: MenuState, { step: key, hops }: Position): MenuResult {
  const step = stepOf(scene.menu, key)
  if (!step || hops > MAX_HOPS) return close(scene, before, "the menu has no way out")
  const state: MenuState = { ...before, step: key, phase: "collect", entered: null, failures: 0, unclear: 0 }
  const onward = (target: MenuTarget) => go(scene, state, target, hops + 1)
  switch (step.kind) {
    case "say":
      return go(scene, speak(scene, state, step.say), step.then, hops + 1)
    case "hours": {
      const { hours, holidays, open, closed, holiday = closed } = step
      const timeZone = step.timeZone ?? zoneOf(scene)
      return onward({ open, closed, holiday }[openingAt({ hours, holidays, timeZone, now: scene.now })])
    }
    case "caller":
      if (isWithheld(scene.caller)) return onward(step.withheld ?? step.refused)
      return {
        kind: "check-number",
        state,
        given: scene.caller,
        lookUp: step.refuse.length > 0,
        country: scene.menu.country,
      }
    case "message":
      return at(speak(scene, state, step.say), recording(step))
    case "choice":
    case "yes-no":
    case "digits":
    case "date":
    case "phone":
      return ask(scene, speak(scene, state, step.say), step)
    default:
      return step satisfies never
  }
}

function go(scene: MenuScene, before: MenuState, target: MenuTarget, hops = 0): MenuResult {
  const { say, language = before.language, to } = target
  const state = speak(scene, { ...before, language }, say)
  switch (to.kind) {
    case "step":
      return enter(scene, state, { step: to.step, hops: hops + 1 })
    case "menu":
      return { kind: "enter-menu", state, menu: to.menu }
    case "agent":
      return at(state, { kind: "agent", agent: to.agent })
    case "transfer":
      return at(state, { kind: "transfer", to: to.to, failed: to.failed ?? null })
    case "hang-up": {
      return at(state, { kind: "hang-up", reason: `the menu ${state.menu} ended the call` })
    }
    default:
      return to satisfies never
  }
}

function ask(scene: MenuScene, state: MenuState, step: AskingStep): MenuResult {
  const spoken = state.prompts.length === 0 ? speak(scene, state, step.say) : state
  return at(spoken, { kind: "ask", ...gatherQuestion(step, state.language) })
}

function collected(
  scene: MenuScene,
  state: MenuState,
  step: AskingStep,
  input: CallerInput | { kind: "none" },
): MenuResult {
  const { language } = state
  if (input.kind === "none") return failed(scene, state, step, step.noInput ?? own(state, "noInput"))
  const noMatch = () => failed(scene, state, step, step.noMatch ?? own(state, "noMatch"))
  switch (step.kind) {
    case "choice": {
      const choice = chosen(step, input, language)
      return choice ? go(scene, state, choice.then) : noMatch()
    }
    case "yes-no": {
      const answer = yesOrNo(input, language)
      return answer ? go(scene, state, step[answer]) : noMatch()
    }
    case "digits": {
      const entered = enteredDigits(step, input, language)
      return entered ? readBack(scene, state, step, entered) : noMatch()
    }
    case "date": {
      const entered = enteredDate(step, input, { language, now: scene.now, timeZone: zoneOf(scene) })
      return entered ? readBack(scene, state, step, entered) : noMatch()
    }
    case "phone": {
      const entered = enteredPhone(step, input, language)
      if (!entered) return failed(scene, state, step, step.noMatch ?? own(state, "invalidNumber"))
      const country = step.country ?? scene.menu.country
      const lookUp = step.lines !== undefined
      return { kind: "check-number", state: { ...state, entered }, given: entered.value, lookUp, country }
    }
    default:
      return step satisfies never
  }
}

function checked(
  scene: MenuScene,
  state: MenuState,
  step: MenuStep,
  { number, line }: Extract<MenuInput, { kind: "checked" }>,
): MenuResult {
  if (step.kind === "caller") {
    const { accepted, refused, withheld = refused, lookupFailed = refused } = step
    if (number === undefined) return go(scene, state, withheld)
    if (line === "failed") return go(scene, state, lookupFailed)
    if (line !== "not-checked" && step.refuse.includes(line)) return go(scene, state, refused)
    return go(scene, { ...state, verifiedNumber: number }, accepted)
  }
  if (step.kind !== "phone" || !state.entered) return { kind: "at", state }
  const { lines } = step
  const again = (texts: MenuTexts) => failed(scene, { ...state, entered: null }, step, texts)
  if (number === undefined) return again(step.noMatch ?? own(state, "invalidNumber"))
  if (line === "failed" && lines?.lookupFailed.kind === "retry")
    return again(lines.lookupFailed.say ?? own(state, "lookupFailed"))
  if (line !== "failed" && line !== "not-checked" && lines?.refuse.includes(line))
    return again(lines.refused ?? own(state, "refusedLine"))
  return readBack(scene, state, step, { value: number, shown: state.entered.shown })
}

type CollectingStep = Extract<AskingStep, { kind: "digits" | "date" | "phone" }>

function readBack(
  scene: MenuScene,
  state: MenuState,
  step: CollectingStep,
  entered: EnteredValue,
): MenuResult {
  if (!step.confirm) return accept(scene, state, step, entered)
  const texts = step.confirm.say ?? own(state, "confirm")
  const values = { ...state.values, value: entered.shown }
  const asked = speak(scene, { ...state, phase: "confirm", entered, unclear: 0 }, texts, values)
  return at(asked, { kind: "ask", ...confirmQuestion(step, state.language) })
}

function confirmed(
  scene: MenuScene,
  state: MenuState,
  step: AskingStep,
  input: CallerInput | { kind: "none" },
): MenuResult {
  const confirm: MenuConfirm = "confirm" in step ? (step.confirm ?? {}) : {}
  const answer = input.kind === "none" ? undefined : yesOrNo(input, state.language)
  if (answer === "yes" && state.entered && "then" in step) return accept(scene, state, step, state.entered)
  if (answer === "no") {
    const collecting = { ...state, phase: "collect", entered: null } as const
    return failed(scene, collecting, { ...step, repeat: [] }, confirm.rejected ?? own(state, "rejected"))
  }
  const unclear = state.unclear + 1
  if (unclear > step.retries) return giveUp(scene, state, step)
  const asked = speak(scene, { ...state, unclear }, orOwn(confirm.unclear, state, "unclear"))
  return at(asked, { kind: "ask", ...confirmQuestion(step, state.language) })
}

function accept(
  scene: MenuScene,
  state: MenuState,
  step: CollectingStep,
  { value }: EnteredValue,
): MenuResult {
  const { saveAs, then } = step
  const values = saveAs === undefined ? state.values : { ...state.values, [saveAs]: value }
  const isVerified = step.kind === "phone" && step.verify
  const isSecret = step.kind === "digits" && step.secret && saveAs !== undefined
  const { verifiedNumber, secrets = [] } = state
  const kept = {
    values,
    verifiedNumber: isVerified ? value : verifiedNumber,
    secrets: isSecret ? [...new Set([...secrets, saveAs])] : secrets,
  }
  return go(scene, { ...state, ...kept }, then)
}

/** One more failed attempt: the question again, or what follows the last one. */
function failed(
  scene: MenuScene,
  state: MenuState,
  step: AskingStep | Extract<MenuStep, { kind: "message" }>,
  texts: MenuTexts,
): MenuResult {
  const failures = state.failures + 1
  if (failures > step.retries) return giveUp(scene, state, step)
  const said = speak(scene, { ...state, failures }, texts)
  if (step.kind === "message") return at(speak(scene, said, step.say), recording(step))
  return ask(scene, speak(scene, said, step.repeat ?? step.say), step)
}

function giveUp(
  scene: MenuScene,
  state: MenuState,
  step: { otherwise?: MenuTarget | undefined },
): MenuResult {
  const target = step.otherwise ?? scene.menu.otherwise
  const isSame = target?.to.kind === "step" && target.to.step === state.step
  const why = "the caller gave no usable answer"
  if (!target || isSame || state.answers > MAX_ANSWERS) return close(scene, state, why)
  return go(scene, { ...state, answers: state.answers + GIVE_UP_COST }, target)
}

function close(scene: MenuScene, state: MenuState, reason: string): MenuResult {
  const last = speak(scene, state, orOwn(scene.menu.closing, state, "closing"))
  return at(last, { kind: "hang-up", reason: `the menu ${state.menu} ended the call: ${reason}` })
}

function recording(step: Extract<MenuStep, { kind: "message" }>): MenuAction {
  const { maxSeconds, silenceSeconds, finishOnKey, transcribe } = step
  return { kind: "record", maxSeconds, silenceSeconds, finishOnKey, transcribe }
}

function zoneOf({ menu, timeZone }: MenuScene): string | undefined {
  return menu.timeZone ?? timeZone
}

function stepOf({ steps }: Menu, key: string): MenuStep | undefined {
  return Object.hasOwn(steps, key) ? steps[key] : undefined
}

function isAsking(step: MenuStep): step is AskingStep {
  return "input" in step
}
