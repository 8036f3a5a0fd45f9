/** Twilio's requests to the server: signed for the public address, sent to where the server listens. */

import { messageOf } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import { signatureFor } from "../twilio/signature.ts"
import { connectionOverrides, type ConnectionOverrides, type FailureKind } from "./connection-overrides.ts"

export type WebhooksOptions = {
  authToken: string
  /** The public address of the server. */
  publicUrl: string
  /** The origin where it listens. */
  connectTo: string
  sweep: Sweep
}

export type WebhookRequest = {
  /** Absolute, as TwiML or REST gave it; a fragment is neither sent nor signed. */
  url: string
  method?: "GET" | "POST"
  form: Record<string, string>
  signal?: AbortSignal
}

/** `status` 0: no answer came, and `fault` says why. */
export type WebhookAnswer = { status: number; contentType: string; body: string; fault?: string }

/** One request with its answer, as recorded for a call. */
export type WebhookExchange = { at: number; url: string; form: Record<string, string>; answer: WebhookAnswer }

export class Webhooks {
  readonly #authToken: string
  readonly #public: URL
  readonly #connectTo: URL
  readonly #sweep: Sweep

  constructor({ authToken, publicUrl, connectTo, sweep }: WebhooksOptions) {
    this.#authToken = authToken
    this.#public = new URL(publicUrl)
    this.#connectTo = new URL(connectTo)
    this.#sweep = sweep
  }

  /** The address of a path, or of an address relative to another. */
  resolve(url: string, base: string = this.#public.href): string {
    return /^[a-z]+:\/\//i.test(url) ? url : new URL(url, base).href
  }

  /**
   * Sends one webhook. Never rejects. It is tried again, with the same idempotency token, as the overrides in the address
   * say; without them only once more, when the connection fails. (Twilio: "Webhooks connection overrides".)
   */
  async send({ url, method = "POST", form, signal }: WebhookRequest): Promise<WebhookAnswer> {
    const fields = new URLSearchParams(form).toString()
    const sent = method === "GET" ? withQuery(url, fields) : url
    const target = this.#route(sent)
    if (target === undefined) return failed(`the simulator reaches only ${this.#public.origin}, not ${url}`)
    const signature = signatureFor({
      authToken: this.#authToken,
      url: signedUrl(sent),
      form: method === "POST" ? form : {},
    })
    const headers: Record<string, string> = {
      "X-Twilio-Signature": signature,
      "I-Twilio-Idempotency-Token": crypto.randomUUID(),
      "User-Agent": "TwilioProxy/1.1",
      Accept: "*/*",
      Host: this.#public.host,
    }
    if (method === "POST") headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    const request = {
      method,
      headers,
      redirect: "manual" as const,
      ...(method === "POST" ? { body: fields } : {}),
    }
    return await this.#attempts(target, request, { overrides: connectionOverrides(url), signal })
  }

  /** Where and with which headers to open a socket that TwiML names; undefined for one that Twilio would refuse. */
  socketTo(url: string): { url: string; headers: Record<string, string> } | undefined {
    if (!url.startsWith("wss://")) return undefined
    const target = this.#route(url)
    if (target === undefined) return undefined
    const signature = signatureFor({ authToken: this.#authToken, url })
    return {
      url: target.replace(/^http/, "ws"),
      headers: {
        Host: this.#public.host,
        "User-Agent": "Jetty/11.0.24",
        "X-Twilio-Signature": signature,
        "x-amzn-bedrock-agentcore-runtime-custom-twilio-signature": signature,
      },
    }
  }

  async #attempts(
    target: string,
    request: RequestInit,
    { overrides, signal }: { overrides: ConnectionOverrides; signal: AbortSignal | undefined },
  ): Promise<WebhookAnswer> {
    const { clock } = this.#sweep
    const until = clock.monotonic() + overrides.totalMs
    for (let attempt = 0; ; attempt++) {
      const timeoutMs = Math.min(overrides.readTimeoutMs, until - clock.monotonic())
      const { answer, failure } = await this.#fetch(target, request, { timeoutMs, signal })
      const isLast = attempt >= overrides.retries || clock.monotonic() >= until || signal?.aborted
      if (failure === undefined || isLast || !overrides.retriesOn(failure)) return answer
    }
  }

  async #fetch(
    target: string,
    request: RequestInit,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<{ answer: WebhookAnswer; failure?: FailureKind }> {
    const controller = new AbortController()
    const abort = () => controller.abort()
    signal?.addEventListener("abort", abort, { once: true })
    if (signal?.aborted) abort()
    let late = false
    const cancel = this.#sweep.after(timeoutMs, () => {
      late = true
      abort()
    })
    try {
      const response = await fetch(target, { ...request, signal: controller.signal })
      const { status } = response
      const contentType = response.headers.get("Content-Type") ?? ""
      const answer = { status, contentType, body: await response.text() }
      const failure = status >= 500 ? "5xx" : status >= 400 ? "4xx" : undefined
      return { answer, ...(failure === undefined ? {} : { failure }) }
    } catch (error) {
      if (late) return { answer: failed(`no answer within ${timeoutMs} ms`), failure: "rt" }
      const answer = failed(messageOf(error))
      return controller.signal.aborted ? { answer } : { answer, failure: "ct" }
    } finally {
      cancel()
      signal?.removeEventListener("abort", abort)
    }
  }

  /** The public address with the real origin in its place; undefined for any other host, which is never requested. */
  #route(url: string): string | undefined {
    const [, scheme = "", host = "", rest = ""] = /^([a-z]+):\/\/([^/?#]*)([^#]*)/i.exec(url) ?? []
    const origin = URL.parse(`${scheme.replace(/^ws/, "http")}://${host}`)?.origin
    if (origin === undefined || origin !== this.#public.origin) return undefined
    return `${this.#connectTo.origin}${rest.startsWith("/") ? "" : "/"}${rest}`
  }
}

function withQuery(url: string, fields: string): string {
  const bare = url.split("#", 1)[0] ?? url
  return `${bare}${bare.includes("?") ? "&" : "?"}${fields}`
}

/** Voice requests over HTTPS are signed without a port, all without user, password and fragment. (Twilio: "Webhooks security".) */
function signedUrl(url: string): string {
  const bare = (url.split("#", 1)[0] ?? url).replace(/^([a-z]+:\/\/)[^/?@]*@/i, "$1")
  return bare.replace(/^(https:\/\/[^/?]*?):\d+(?=[/?]|$)/i, "$1")
}

function failed(fault: string): WebhookAnswer {
  return { status: 0, contentType: "", body: "", fault }
}
