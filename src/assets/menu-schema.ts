/** The schema of a menu: `{ "start": "welcome", "steps": { "welcome": { "kind": "choice", … } } }`. */

import { z } from "zod"
import { LINE_TYPES } from "../call/line-type.ts"
import { TimeZone } from "../call/local-time.ts"
import { Holiday, OpeningHours } from "../call/opening-hours.ts"
import { TransferTarget } from "../call/transfer-target.ts"
import { country, hookUrl } from "../config/text-fields.ts"
import type { Menu, MenuTarget, MenuText, MenuTexts } from "./menu.ts"

const key = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -")
const name = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, _, . or -")
const language = z
  .string()
  .regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/, "must be a language tag, such as en-US")
  .refine(isLanguageTag, "must be a language tag, such as en-US")
/** (Twilio: "TwiML Voice: <Say>": at most 4,096 characters.) */
const sentence = z.string().trim().min(1).max(2000)

/** With its query: the addresses of stored files are often signed. */
const audioUrl = hookUrl.pipe(z.string().max(2000))

const byLanguage = <T extends z.ZodType>(value: T) =>
  z.record(language, value).refine((given) => Object.keys(given).length > 0, { error: "must not be empty" })

const text = z.union([
  sentence.transform((spoken): MenuText => ({ kind: "text", byLanguage: { "": spoken } })),
  z
    .strictObject({ audio: z.union([audioUrl.transform((url) => ({ "": url })), byLanguage(audioUrl)]) })
    .transform(({ audio }): MenuText => ({ kind: "audio", byLanguage: audio })),
  byLanguage(sentence).transform((spoken): MenuText => ({ kind: "text", byLanguage: spoken })),
])
const texts = z.union([text.transform((one): MenuTexts => [one]), z.array(text).max(10)])
/** Of a question: without words the caller would not know that it is one. */
const spoken = z.union([text.transform((one): MenuTexts => [one]), z.array(text).min(1).max(10)])

const transferTo = z.string().refine((to) => TransferTarget.safeParse(to).success, {
  error: "must be a number such as +15550100001, sip:name@host, queue:name, or workflow:WW…",
})

const DESTINATIONS = ["step", "agent", "transfer", "menu", "hangUp"] as const

const target = z.union([
  key.transform((step): MenuTarget => ({ say: [], language: undefined, to: { kind: "step", step } })),
  z
    .strictObject({
      say: texts.default([]),
      language: language.optional(),
      step: key.optional(),
      agent: z.union([key, z.literal(true)]).optional(),
      transfer: transferTo.optional(),
      failed: key.optional(),
      menu: key.optional(),
      hangUp: z.literal(true).optional(),
    })
    .refine((given) => DESTINATIONS.filter((field) => given[field] !== undefined).length === 1, {
      error: `must have exactly one of ${DESTINATIONS.join(", ")}`,
    })
    .refine(({ failed, transfer }) => failed === undefined || transfer !== undefined, {
      error: "belongs to transfer",
      path: ["failed"],
    })
    .transform(({ say, language: next, ...given }): MenuTarget => {
      const found = { say, language: next }
      if (given.step !== undefined) return { ...found, to: { kind: "step", step: given.step } }
      if (given.transfer !== undefined)
        return { ...found, to: { kind: "transfer", to: given.transfer, failed: given.failed } }
      if (given.menu !== undefined) return { ...found, to: { kind: "menu", menu: given.menu } }
      if (given.agent !== undefined)
        return { ...found, to: { kind: "agent", agent: given.agent === true ? null : given.agent } }
      return { ...found, to: { kind: "hang-up" } }
    }),
])

const input = z
  .array(z.enum(["dtmf", "speech"]))
  .min(1)
  .transform((kinds) => (["dtmf", "speech"] as const).filter((kind) => kinds.includes(kind)))

const asking = {
  say: spoken,
  repeat: texts.optional(),
  input: input.default(["dtmf", "speech"]),
  timeoutSeconds: z.int().min(1).max(60).default(6),
  retries: z.int().min(0).max(10).default(2),
  noInput: texts.optional(),
  noMatch: texts.optional(),
  otherwise: target.optional(),
}

const confirm = z
  .union([
    z.boolean(),
    z.strictObject({ say: spoken.optional(), unclear: texts.optional(), rejected: texts.optional() }),
  ])
  .transform((given) => {
    if (given === false) return undefined
    return given === true ? {} : given
  })
  .optional()

const collecting = { ...asking, saveAs: name.optional(), confirm, then: target }

const choice = z
  .strictObject({
    key: z
      .string()
      .regex(/^[0-9*#]{1,4}$/, "must be 1 to 4 keys of 0 to 9, * and #")
      .optional(),
    words: z
      .union([
        z
          .array(sentence)
          .max(50)
          .transform((words) => ({ "": words })),
        byLanguage(z.array(sentence).max(50)),
      ])
      .default({}),
    then: target,
  })
  .refine(({ key: pressed, words }) => pressed !== undefined || Object.keys(words).length > 0, {
    error: "needs a key or words",
  })

const finishOnKey = z.string().regex(/^[0-9*#]?$/, "must be one key, or empty")
const lineTypes = z.array(z.enum(LINE_TYPES))
const NO_TEXTS = ["landline", "tollFree", "premium", "sharedCost", "uan", "voicemail", "pager"] as const

const lines = z
  .strictObject({
    refuse: lineTypes.default([...NO_TEXTS]),
    refused: texts.optional(),
    whenLookupFails: z.enum(["retry", "accept"]).default("retry"),
    lookupFailed: texts.optional(),
  })
  .transform(({ refuse, refused, whenLookupFails, lookupFailed: say }) => ({
    refuse,
    refused,
    lookupFailed:
      whenLookupFails === "accept" ? ({ kind: "accept" } as const) : ({ kind: "retry", say } as const),
  }))

const digitCount = z.int().min(1).max(30)

const step = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("say"), say: spoken, then: target }),
  z
    .strictObject({ kind: z.literal("choice"), ...asking, choices: z.array(choice).min(1).max(50) })
    .superRefine(({ choices }, context) => {
      const seen = new Set<string>()
      for (const [index, { key: pressed }] of choices.entries()) {
        if (pressed === undefined) continue
        if (seen.has(pressed))
          context.addIssue({ code: "custom", path: ["choices", index, "key"], message: "appears twice" })
        seen.add(pressed)
      }
    }),
  z.strictObject({ kind: z.literal("yes-no"), ...asking, yes: target, no: target }),
  z
    .strictObject({
      kind: z.literal("digits"),
      ...collecting,
      length: digitCount.optional(),
      min: digitCount.optional(),
      max: digitCount.optional(),
      finishOnKey: finishOnKey.default("#"),
      secret: z.boolean().default(false),
    })
    .refine(({ length, min, max }) => length === undefined || (min === undefined && max === undefined), {
      error: "is given together with min or max",
      path: ["length"],
    })
    .refine(({ min = 1, max = 30 }) => min <= max, { error: "is below min", path: ["max"] })
    .transform(({ length, min, max, ...given }) => ({
      ...given,
      min: length ?? min ?? 1,
      max: length ?? max ?? 30,
    })),
  z.strictObject({
    kind: z.literal("date"),
    ...collecting,
    order: z.enum(["dmy", "mdy", "ymd"]).default("dmy"),
    when: z.enum(["any", "past", "future"]).default("any"),
  }),
  z.strictObject({
    kind: z.literal("phone"),
    ...collecting,
    country: country.optional(),
    min: z.int().min(3).max(15).default(7),
    max: z.int().min(3).max(30).default(18),
    verify: z.boolean().default(false),
    lines: lines.optional(),
  }),
  z.strictObject({
    kind: z.literal("caller"),
    refuse: lineTypes.default([...NO_TEXTS]),
    accepted: target,
    refused: target,
    withheld: target.optional(),
    lookupFailed: target.optional(),
  }),
  z.strictObject({
    kind: z.literal("hours"),
    hours: OpeningHours,
    holidays: z.array(Holiday).max(200).default([]),
    timeZone: TimeZone.optional(),
    open: target,
    closed: target,
    holiday: target.optional(),
  }),
  z.strictObject({
    kind: z.literal("message"),
    say: spoken,
    maxSeconds: z.int().min(1).max(3600).default(120),
    silenceSeconds: z.int().min(1).max(60).default(5),
    finishOnKey: finishOnKey.default("#"),
    transcribe: z.boolean().default(false),
    retries: z.int().min(0).max(10).default(1),
    noInput: texts.optional(),
    otherwise: target.optional(),
    then: target,
  }),
])

const MAX_STEPS = 200

/** The file. `$schema` and `description` are for people and editors. */
export const MenuFile = z
  .strictObject({
    $schema: z.string().optional(),
    description: z.string().max(2000).optional(),
    language: language.default("en-US"),
    voices: byLanguage(z.string().min(1).max(100)).optional(),
    timeZone: TimeZone.optional(),
    country: country.optional(),
    agent: key.optional(),
    start: key,
    otherwise: target.optional(),
    closing: texts.optional(),
    steps: z.record(key, step).refine((steps) => Object.keys(steps).length <= MAX_STEPS, {
      error: `must be at most ${MAX_STEPS}`,
    }),
  })
  .superRefine(checkSteps)
export type MenuFile = z.output<typeof MenuFile>

export type MenuContent = Omit<Menu, "key" | "version">

/** The menu of a file, without what is for people and editors. */
export function menuOf({
  $schema: _schema,
  description: _description,
  voices = {},
  ...menu
}: MenuFile): MenuContent {
  const { timeZone, country: ofMenu, agent, otherwise, closing, language: first, start, steps } = menu
  return { language: first, voices, timeZone, country: ofMenu, agent, start, otherwise, closing, steps }
}

/** What a menu refers to: each destination with its place in the file. */
export function* targetsOf({
  otherwise,
  steps,
}: Pick<Menu, "otherwise" | "steps">): Generator<{ path: string[]; target: MenuTarget }> {
  if (otherwise) yield { path: ["otherwise"], target: otherwise }
  for (const [name_, found] of Object.entries(steps)) {
    for (const [field, value] of Object.entries(found)) {
      if (isTarget(value)) yield { path: ["steps", name_, field], target: value }
    }
    if (found.kind !== "choice") continue
    for (const [index, { then }] of found.choices.entries())
      yield { path: ["steps", name_, "choices", String(index), "then"], target: then }
  }
}

/** Whether dates can be written in it: `en-12` and `de-DE-DE` only look like a tag. (BCP 47.) */
function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

function isTarget(value: unknown): value is MenuTarget {
  return typeof value === "object" && value !== null && "to" in value && "say" in value
}

function checkSteps(file: MenuFile, context: z.RefinementCtx): void {
  const { steps } = file
  const known = Object.keys(steps)
  const report = (path: string[], step_: string) =>
    context.addIssue({
      code: "custom",
      path,
      message: `there is no step ${step_}; there are ${known.toSorted().join(", ")}`,
    })
  if (!Object.hasOwn(steps, file.start)) report(["start"], file.start)
  for (const {
    path,
    target: { to },
  } of targetsOf({ otherwise: file.otherwise, steps })) {
    if (to.kind === "step" && !Object.hasOwn(steps, to.step)) report(path, to.step)
    if (to.kind === "transfer" && to.failed !== undefined && !Object.hasOwn(steps, to.failed))
      report([...path, "failed"], to.failed)
  }
}
