/** The API of Caller Assistant. It only translates names; see `docs/compatibility.md`. */

import { Hono } from "hono"
import { z } from "zod"
import type { Call } from "../../call/call.ts"
import type { Engine } from "../../call/engine.ts"
import { CallSid } from "../../call/ids.ts"
import type { IvrMenu } from "../../call/ivr-menu.ts"
import { isTerminal } from "../../call/status.ts"
import { WEBHOOK_JOB } from "../../control/follow-up-jobs.ts"
import { hangUpByApi } from "../../control/hang-up.ts"
import { placeCall } from "../../control/place-call.ts"
import { countMessage } from "../../control/quotas.ts"
import { extractAgain } from "../../jobs/outcome.ts"
import { deliverAgain } from "../../jobs/webhook.ts"
import { AppError, toAppError } from "../../lib/errors.ts"
import { TwilioRestError } from "../../twilio/rest-error.ts"
import { isOwn, requireAuth } from "../auth.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { errorHandler, invalidRequest } from "../errors.ts"
import { webhookGuard } from "../twilio/guard.ts"
import { takeStatus } from "../twilio/webhooks.ts"
import { callLogOf, transformedMenu, triggerStatus, type TriggerStatus } from "./call-log.ts"
import { bodyOf, parametersOf, succeededBy } from "./shared.ts"

/** Longest wait for an extraction or a delivery that a request has started, in milliseconds. */
const RESULT_MS = 30_000
const LOOK_EVERY_MS = 100

const text = z.union([z.string(), z.number().transform(String)])
const Entries = z.array(
  z
    .looseObject({ intent: text.default(""), triggers: z.union([z.array(text), text]), response: text })
    .transform(({ intent, triggers, response }) => ({ intent, triggers: [triggers].flat(), response })),
)

export function callerAssistantAlias(context: ServerContext): Hono<Env> {
  const { control, log } = context
  const { store, sweep } = control
  const app = new Hono<Env>()
  const onError = errorHandler(log)
  const guard = requireAuth(context)

  app.onError(async (thrown, c) => {
    // `onError` logs the error and sets the headers of the response.
    await onError(thrown, c)
    const { code, http, publicMessage } = toAppError(thrown)
    const message = publicMessage.replace(/\.?$/, ".")
    const isKept = code === "INTERNAL" || code === "UNAVAILABLE" || [401, 403, 404, 429].includes(http)
    const status = isKept && !(thrown instanceof TwilioRestError) ? http : 400
    return c.json(c.req.path.endsWith("/makeoutboundcall") ? { message, callSid: null } : { message }, status)
  })

  app.post("/makeoutboundcall", guard, async (c) => {
    succeededBy(c, "/v1/calls")
    const body = await bodyOf(c)
    const { ivrMenu, phoneNumber, provider } = requestOf(body)
    await requireConfigured(context)
    const agent = typeof body["agent"] === "string" ? body["agent"] : undefined
    const { call } = await placeCall(control, {
      to: phoneNumber,
      ivrMenu,
      parameters: parametersOf(provider),
      agent,
      engine: engineOf(context),
      // The agent answers what the person says.
      firstMessage: "",
      userId: c.get("auth").userId,
      idempotencyKey: c.req.header("idempotency-key"),
    }).catch(inOldWords)
    return c.json({ message: "Call initiated", callSid: call.sid, updatedIvrMenu: transformedMenu(call) })
  })

  app.post("/hangupcall", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}/end")
    const { callSid } = await bodyOf(c)
    await hangUpByApi(control, await callOf(context, c, callSid))
    return c.body(null, 200)
  })

  app.get("/calllog/:callsid", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}")
    return c.json(await callLogOf(store, await callOf(context, c, c.req.param("callsid"))))
  })

  app.post("/callstatusupdate", webhookGuard(context, { kind: "status", once: false }), async (c) => {
    succeededBy(c, "/twilio/status")
    await takeStatus(context, c)
    return c.body(null, 200)
  })

  app.get("/applicationstatusjson/:callsid", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}/outcome")
    const call = await callOf(context, c, c.req.param("callsid"))
    if (!isTerminal(call.status)) {
      throw new AppError("INVALID_REQUEST", "Call Has not finished yet, cannot get Application Status Json.")
    }
    return c.json(await applicationStatus(context, c, call))
  })

  app.on(["GET", "POST"], "/triggerwebhook/:callsid", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}/webhook")
    const call = await callOf(context, c, c.req.param("callsid"))
    if (c.req.method === "POST") return c.json({ webhookTriggerStatus: await deliverNow(context, c, call) })
    // Programs that follow links, and repeated requests, deliver nothing twice.
    const job = await store.jobs.find(call.id, WEBHOOK_JOB)
    log.warn("a webhook was triggered by GET; use POST", { callSid: call.sid })
    if (job === undefined || job.state === "failed") await deliverNow(context, c, call)
    return c.json({})
  })

  /** The result of `ask` once there is one; undefined when that takes too long. */
  async function resultOf<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
    const until = sweep.clock.monotonic() + RESULT_MS
    for (;;) {
      const result = await ask()
      if (result !== undefined || sweep.clock.monotonic() >= until) return result
      await sweep.sleep(LOOK_EVERY_MS)
    }
  }

  /** Starts a delivery and waits for the result of its first attempt. */
  async function deliverNow(
    { control: ofCall }: ServerContext,
    c: RequestContext,
    call: Call,
  ): Promise<TriggerStatus> {
    await countMessage(ofCall, c.get("auth").userId)
    await deliverAgain(ofCall, call)
    const done = await resultOf(async () => {
      const status = triggerStatus(await store.jobs.find(call.id, WEBHOOK_JOB))
      return status === "NA" ? undefined : status
    })
    return done ?? "NA"
  }

  /** The outcome, extracted when it is asked for the first time. */
  async function applicationStatus(
    { control: ofCall }: ServerContext,
    c: RequestContext,
    call: Call,
  ): Promise<object> {
    const missing = () => new AppError("INVALID_REQUEST", "Unable to find Transcription.")
    if (!(await store.outcomes.of(call.id))) {
      const turns = await store.transcripts.of(call.id)
      if (!turns.some(({ speaker }) => speaker === "caller")) throw missing()
      await countMessage(ofCall, c.get("auth").userId)
      await extractAgain(ofCall, call)
    }
    const outcome = await resultOf(async () => {
      const found = await store.outcomes.of(call.id)
      return found?.status === "pending" ? undefined : (found ?? "none")
    })
    if (outcome === undefined)
      throw new AppError("UNAVAILABLE", "The extraction is not finished.", { retryAfterSeconds: 5 })
    if (outcome === "none" || outcome.status !== "ready") throw missing()
    return Object(outcome.data)
  }

  return app
}

/** The call of a request, in the words of Caller Assistant. */
async function callOf({ control }: ServerContext, c: RequestContext, name: unknown): Promise<Call> {
  const sid = z
    .string()
    .regex(/^CA[a-zA-Z0-9]{32}$/)
    .safeParse(name)
  if (!sid.success) throw new AppError("INVALID_REQUEST", "call sid is missing or invalid.")
  const known = CallSid.safeParse(sid.data)
  const call = known.success ? await control.store.calls.bySid(known.data) : undefined
  if (!call || !isOwn(c.get("auth"), call)) {
    throw new AppError("NOT_FOUND", `Call Details not found for CallSid: ${sid.data} .`)
  }
  return call
}

/** As in Caller Assistant where there is a Deepgram key; otherwise as the agent says, or the relay. */
function engineOf({ config }: ServerContext): Engine | undefined {
  return config.deepgram.apiKey === undefined ? undefined : "pipeline"
}

type OutboundRequest = { ivrMenu: IvrMenu; phoneNumber: string; provider: Record<string, unknown> }

/** Throws INVALID_REQUEST with the documented messages. */
function requestOf(body: Record<string, unknown>): OutboundRequest {
  const menu = objectOf(body["ivrMenu"], "IVR Menu is missing.")
  if (!Array.isArray(menu) || menu.length === 0) {
    throw new AppError("INVALID_REQUEST", "Invalid IVR Menu, cannot be empty.")
  }
  const entries = Entries.max(100).safeParse(menu)
  if (!entries.success) throw invalidRequest(entries.error, "ivrMenu")
  const provider = z
    .looseObject({ phoneNumber: text.optional() })
    .safeParse(objectOf(body["providerData"], "Provider Data is missing.")).data
  const phoneNumber = provider?.phoneNumber?.trim()
  if (!provider || !phoneNumber) {
    throw new AppError("INVALID_REQUEST", "Invalid Provider Data, PhoneNumber is Missing.")
  }
  return { ivrMenu: entries.data, phoneNumber, provider }
}

/** A value, or what the JSON text says that stands for it; the texts of forms have `\n` in them. */
function objectOf(given: unknown, missing: string): unknown {
  if (given === undefined || given === null || given === "") throw new AppError("INVALID_REQUEST", missing)
  if (typeof given !== "string") return given
  try {
    return JSON.parse(given.replaceAll(String.raw`\n`, ""))
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", missing, { cause })
  }
}

/** The documented errors of a server that cannot place calls, or may place no further one. */
async function requireConfigured({ config, control }: ServerContext): Promise<void> {
  if (!config.publicUrl) throw new AppError("INVALID_REQUEST", "host address is missing")
  const most = config.limits.maxConcurrentCalls
  if (most > 1 || (await control.store.calls.open()).length < most) return
  const message = "Cannot initiate another call when a previous call is in progress."
  throw new AppError("INVALID_REQUEST", message)
}

function inOldWords(error: unknown): never {
  const isSender =
    error instanceof AppError && error.code === "NOT_CONFIGURED" && /TWILIO_FROM_NUMBER/.test(error.message)
  if (isSender) throw new AppError("INVALID_REQUEST", "call from number is missing", { cause: error })
  throw error
}
