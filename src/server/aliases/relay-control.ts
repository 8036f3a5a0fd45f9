/** Call control of Simple Conversation Relay. It only translates names; see `docs/compatibility.md`. */

import { Hono } from "hono"
import { z } from "zod"
import { CallSid } from "../../call/ids.ts"
import type { LiveCall } from "../../call/live-calls.ts"
import type { CallStatus } from "../../call/status.ts"
import { placeCall } from "../../control/place-call.ts"
import { changeAgent } from "../../control/live-call-control.ts"
import type { TakenStatus } from "../../control/report-status.ts"
import { relayEnded } from "../../control/session-ended.ts"
import { AppError, toAppError } from "../../lib/errors.ts"
import { parseForm, type Form } from "../../twilio/form.ts"
import { parseConnectEndedWebhook } from "../../twilio/webhooks.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { errorHandler } from "../errors.ts"
import { authOf, isOwn, requireAuth } from "../auth.ts"
import { succeededBy } from "./shared.ts"
import { takeStatus, twiml } from "../twilio/webhooks.ts"
import { webhookGuard } from "../twilio/guard.ts"

/** The same limit as in the REST API. */
const MAX_PARAMETERS = 100

const OutboundCall = z.object({
  properties: z.looseObject({
    phoneNumber: z.union([z.string(), z.number().transform(String)]).optional(),
  }),
})

const Update = z.object({
  callSid: z.string().optional(),
  contextKey: z.string().optional(),
  manifestKey: z.string().optional(),
  reset: z.boolean().optional(),
})

export function relayControlAlias(context: ServerContext): Hono<Env> {
  const { control, log } = context
  const app = new Hono<Env>()
  const onError = errorHandler(log)
  /** The statuses that each conversation was told; a repeated callback is not reported again. */
  const received = new WeakMap<LiveCall, Set<CallStatus>>()

  function informModel({ call, status }: TakenStatus): void {
    const live = control.liveCalls.get(call.id)
    if (!live || received.get(live)?.has(status)) return
    received.set(live, new Set(received.get(live)).add(status))
    // Only the status, which is one of a closed list: other fields, such as the caller's name, could instruct the model.
    const text = `The telephone system reports that the call is ${status}.`
    live.insert({ role: "system", text, respond: false })
  }

  app.onError(async (thrown, c) => {
    // `onError` logs the error and sets the headers of the response.
    await onError(thrown, c)
    const { http, publicMessage } = toAppError(thrown)
    return c.json({ success: false, error: publicMessage }, http)
  })

  app.post("/outboundCall", outboundGuard(context), async (c) => {
    succeededBy(c, "/v1/calls")
    const parsed = OutboundCall.safeParse(await bodyOf(c))
    const { phoneNumber, ...properties } = parsed.data?.properties ?? {}
    if (!phoneNumber) throw new AppError("INVALID_REQUEST", "Phone number is required")
    const fields = Object.entries(properties)
    if (fields.length > MAX_PARAMETERS) {
      throw new AppError("INVALID_REQUEST", `properties must have at most ${MAX_PARAMETERS} fields`)
    }
    const { call } = await placeCall(control, {
      to: phoneNumber,
      parameters: Object.fromEntries(fields.map(([name, value]) => [name, textOf(value)])),
      userId: c.get("auth").userId,
      limitUnbound: false,
      idempotencyKey: c.req.header("idempotency-key"),
    })
    const { sid, from, to, status, direction } = call
    return c.json({
      success: true,
      response: { sid, callSid: sid, from, to, status, direction: `${direction}-api` },
    })
  })

  app.post("/updateResponseService", requireAuth(context), async (c) => {
    succeededBy(c, "/v1/calls/{sid}/agent")
    const { callSid, contextKey, manifestKey, reset } = Update.safeParse(await bodyOf(c)).data ?? {}
    if (!callSid || !(contextKey || manifestKey)) {
      throw new AppError(
        "INVALID_REQUEST",
        "callSid and at least one of contextKey or manifestKey are required",
      )
    }
    const sid = CallSid.safeParse(callSid)
    const call = sid.success ? await control.store.calls.bySid(sid.data) : undefined
    if (!call || !isOwn(c.get("auth"), call) || !control.liveCalls.get(call.id)) {
      throw new AppError("NOT_FOUND", `Session not found for call SID: ${callSid.slice(0, 64)}`)
    }
    const { contexts, manifests } = control.assets.keys()
    if (contextKey && !contexts.includes(contextKey)) {
      throw new AppError("INVALID_REQUEST", `Context not found for key: ${contextKey.slice(0, 128)}`)
    }
    if (manifestKey && !manifests.includes(manifestKey)) {
      throw new AppError("INVALID_REQUEST", `Tool manifest not found for key: ${manifestKey.slice(0, 128)}`)
    }
    changeAgent(control, call, {
      contextKey: contextKey || undefined,
      manifestKey: manifestKey || undefined,
      reset,
    })
    return c.json({ success: true })
  })

  app.post("/twilioStatusCallback", webhookGuard(context, { kind: "status", once: false }), async (c) => {
    succeededBy(c, "/twilio/status")
    const accepted = await takeStatus(context, c)
    if (accepted?.isCurrent) informModel(accepted)
    return c.json({ success: true })
  })

  app.post("/handoff", webhookGuard(context, { kind: "connect-ended", once: true }), async (c) => {
    succeededBy(c, "/twilio/connect-ended")
    const webhook = parseConnectEndedWebhook(c.get("form"))
    return twiml(c, await relayEnded(control, webhook))
  })

  return app
}

/** The documented errors: outbound calling is not configured, or the key is wrong. */
function outboundGuard(context: ServerContext) {
  const guard = requireAuth(context)
  return async function outboundGuardHandler(c: RequestContext, next: () => Promise<void>) {
    if (context.config.apiKeys.length === 0 && !authOf(context.config, c)) {
      throw new AppError("NOT_CONFIGURED", "Outbound calling is not configured")
    }
    try {
      return await guard(c, next)
    } catch (error) {
      if (error instanceof AppError && error.code === "UNAUTHORIZED")
        throw new AppError("UNAUTHORIZED", "Unauthorized")
      throw error
    }
  }
}

/** JSON for any content type, because the documented examples send none; otherwise a form such as `properties[name]=…`. */
async function bodyOf(c: RequestContext): Promise<unknown> {
  const text = await c.req.text()
  try {
    return JSON.parse(text)
  } catch (cause) {
    const isForm = (c.req.header("content-type") ?? "").startsWith("application/x-www-form-urlencoded")
    if (!isForm || /^\s*[{[]/.test(text)) {
      throw new AppError("INVALID_REQUEST", "The body is neither JSON nor a form.", { cause })
    }
    return objectOf(parseForm(text))
  }
}

/** Fields `name[field]` of a form as an object `name`. */
function objectOf(form: Form): Record<string, unknown> {
  const flat = Object.entries(form).map(
    ([name, value]) => [name, typeof value === "string" ? value : value.at(-1)] as const,
  )
  const nested = new Map<string, [string, unknown][]>()
  for (const [path, value] of flat) {
    const [, name, field] = /^([^[\]]+)\[([^[\]]{1,64})\]$/.exec(path) ?? []
    if (name !== undefined && field !== undefined) {
      nested.set(name, [...(nested.get(name) ?? []), [field, value]])
    }
  }
  const objects = [...nested].map(([name, fields]) => [name, Object.fromEntries(fields)])
  return { ...Object.fromEntries(flat), ...Object.fromEntries(objects) }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "")
}
