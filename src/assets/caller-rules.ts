/** How an agent treats callers by what is known of them: its schema in the configuration, and what it means. Pure. */

import { z } from "zod"
import type { CallerRole, CallerRules } from "./agent.ts"
import { DocumentReference } from "./document-reference.ts"

const key = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "must be 1 to 128 letters, digits, _ or -")
const sentence = z.string().max(1000)

const role = z
  .strictObject({
    context: z.union([key, DocumentReference]),
    manifest: key,
    greeting: sentence,
  })
  .partial()

/** The section `callers` of an agent. */
export const CallerSettings = z
  .strictObject({
    memory: z.boolean(),
    consent: z.boolean(),
    reset: z.boolean(),
    unknown: role,
    consented: role,
    loggedIn: role,
    phrases: z
      .strictObject({ loggingIn: sentence, consentGiven: sentence, infoSent: sentence, failed: sentence })
      .partial(),
  })
  .partial()
export type CallerSettings = z.output<typeof CallerSettings>

/** The contexts of the roles where no setting names others and these exist. */
const CONTEXTS = {
  unknown: "systemMessage",
  consented: "consentMessage",
  loggedIn: "consentMessage",
} as const

const GREETINGS = {
  asked:
    "Hello! This is the voice bot. To proceed, please provide your consent by clicking the link sent to you in the message",
  consented: "Hello! Thank you for your previous consent. How can I help you today?",
  loggedIn: "Hello {name|User} how can i help you",
} as const

const PHRASES: CallerRules["phrases"] = {
  loggingIn: "Please hold a second logging you in.",
  consentGiven: "Thank you for providing consent. How can I help you today?",
  infoSent: "We stored your information. Our team will contact you soon. How else can I help you",
  failed: "There was an error connecting to the service. Please try again.",
}

export type CallerSources = {
  shared: CallerSettings | undefined
  own: CallerSettings | undefined
  contexts: ReadonlyMap<string, unknown>
}

/** The rules of an agent; missing settings come from `shared`, then from the defaults. */
export function callerRulesOf({ shared, own, contexts }: CallerSources): CallerRules {
  const roleOf = (name: "unknown" | "consented" | "loggedIn", fallback: string | undefined): CallerRole => {
    const given = { ...shared?.[name], ...own?.[name] }
    const known = contexts.has(CONTEXTS[name]) ? CONTEXTS[name] : undefined
    return {
      contextKey: given.context ?? known,
      manifestKey: given.manifest,
      greeting: given.greeting ?? fallback,
    }
  }
  const unknown = roleOf("unknown", undefined)
  return {
    memory: own?.memory ?? shared?.memory ?? false,
    consent: own?.consent ?? shared?.consent,
    reset: own?.reset ?? shared?.reset ?? true,
    roles: {
      unknown,
      // The default greeting speaks of a message, which only a caller who was asked has got.
      asked: { ...unknown, greeting: unknown.greeting ?? GREETINGS.asked },
      consented: roleOf("consented", GREETINGS.consented),
      "logged-in": roleOf("loggedIn", GREETINGS.loggedIn),
    },
    phrases: phrasesOf({ ...shared?.phrases, ...own?.phrases }),
  }
}

function phrasesOf(given: CallerSettings["phrases"] = {}): CallerRules["phrases"] {
  return {
    loggingIn: given.loggingIn ?? PHRASES.loggingIn,
    consentGiven: given.consentGiven ?? PHRASES.consentGiven,
    infoSent: given.infoSent ?? PHRASES.infoSent,
    failed: given.failed ?? PHRASES.failed,
  }
}

/** Contexts and manifests that settings name and that do not exist. */
export function missingIn(
  settings: CallerSettings | undefined,
  known: { contexts: ReadonlyMap<string, unknown>; manifests: ReadonlyMap<string, unknown> },
): { role: string; kind: "context" | "manifest"; key: string }[] {
  return (["unknown", "consented", "loggedIn"] as const).flatMap((name) => {
    const { context, manifest } = settings?.[name] ?? {}
    return [
      ...(context === undefined || known.contexts.has(context)
        ? []
        : [{ role: name, kind: "context" as const, key: context }]),
      ...(manifest === undefined || known.manifests.has(manifest)
        ? []
        : [{ role: name, kind: "manifest" as const, key: manifest }]),
    ]
  })
}
