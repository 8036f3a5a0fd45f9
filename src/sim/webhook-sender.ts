/** Twilio's requests to the server: signed for the public address, sent to where the server listens. */

import { messageOf } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import { signatureFor } from "../twilio/signature.ts"

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

/** Source: Twilio "Webhooks connection overrides". */
const TIMEOUT_MS = 15_000

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
   * Sends one webhook. Never rejects. A connection that fails is tried a second time with the same idempotency token,
   * a slow answer is not. (Twilio: "Webhooks connection overrides".)
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
    const first = await this.#fetch(target, request, signal)
    return first.refused && !signal?.aborted
      ? (await this.#fetch(target, request, signal)).answer
      : first.answer
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

  async #fetch(
    target: string,
    request: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<{ answer: WebhookAnswer; refused: boolean }> {
    const controller = new AbortController()
    const abort = () => controller.abort()
    signal?.addEventListener("abort", abort, { once: true })
    if (signal?.aborted) abort()
    let late = false
    const cancel = this.#sweep.after(TIMEOUT_MS, () => {
      late = true
      abort()
    })
    try {
      const response = await fetch(target, { ...request, signal: controller.signal })
      const contentType = response.headers.get("Content-Type") ?? ""
      return { answer: { status: response.status, contentType, body: await response.text() }, refused: false }
    } catch (error) {
      const fault = late ? `no answer within ${TIMEOUT_MS} ms` : messageOf(error)
      return { answer: failed(fault), refused: !controller.signal.aborted }
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
