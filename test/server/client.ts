/** A client of a server: sends what Twilio, a program or a stranger would send. */

import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { newSid } from "../../src/sim/sids.ts"
import { signatureFor } from "../../src/twilio/signature.ts"
import { parseTwiml, type TwimlVerb } from "../../src/sim/twiml-reader.ts"

export const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
export const ACCOUNT_SID = `AC${"0".repeat(32)}`
export const PUBLIC_URL = "https://parley.test"

/** What a webhook looks like that is not quite as Twilio sends it. */
export type Tampering = {
  /** The URL that is signed, in place of the public address and the path. */
  signedUrl?: string
  signedForm?: Record<string, string>
  authToken?: string
  /** Null: none at all. */
  signature?: string | null
  idempotencyToken?: string
  headers?: Record<string, string>
}

export class Client {
  /** Where the server really listens. */
  readonly url: string
  /** Where it believes to be. */
  readonly publicUrl: string

  constructor(url: string, publicUrl: string) {
    this.url = url
    this.publicUrl = publicUrl
  }

  /** A webhook as Twilio sends it, with or without something wrong. */
  webhook(path: string, form: Record<string, string>, tampering: Tampering = {}): Promise<Response> {
    const { signedUrl = `${this.publicUrl}${path}`, signedForm = form, authToken = AUTH_TOKEN } = tampering
    const { signature = signatureFor({ authToken, url: signedUrl, form: signedForm }) } = tampering
    return this.api(path, {
      method: "POST",
      headers: {
        Host: new URL(this.publicUrl).host,
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "I-Twilio-Idempotency-Token": tampering.idempotencyToken ?? crypto.randomUUID(),
        ...(signature === null ? {} : { "X-Twilio-Signature": signature }),
        ...tampering.headers,
      },
      body: new URLSearchParams(form).toString(),
    })
  }

  /** The verbs that a webhook is answered with. */
  async twiml(path: string, form: Record<string, string>): Promise<TwimlVerb[]> {
    const answer = await this.webhook(path, form)
    const body = await answer.text()
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${body}`)
    return parseTwiml(body)
  }

  /** An incoming call up to its TwiML. */
  async incoming(fields: Record<string, string> = {}) {
    const form = voiceForm(fields)
    const relay = relayOf(await this.twiml("/twilio/voice", form))
    const callSid = form["CallSid"] ?? ""
    return {
      callSid,
      form,
      relay,
      socketUrl: relay.attributes["url"] ?? "",
      actionPath: this.pathOf(relay.action),
    }
  }

  /** A request of a program on this machine, or of whatever the headers make of it. */
  api(path: string, init: RequestInit = {}): Promise<Response> {
    // A kept connection may belong to an app of another test that had the same port.
    return fetch(`${this.url}${path}`, { keepalive: false, ...init })
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.api(path, {
      method: "POST",
      ...(body === undefined
        ? { headers }
        : { body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } }),
    })
  }

  async json(path: string, init: RequestInit = {}) {
    return jsonOf(await this.api(path, init))
  }

  /** The counts of `/metrics`. */
  async counts(): Promise<Record<string, number>> {
    const { counts } = await this.json("/metrics")
    return counts
  }

  /** A socket that TwiML names, opened with the signature over `signedUrl`. */
  socket(
    url: string,
    { signedUrl = url, headers = {} }: { signedUrl?: string; headers?: Record<string, string> } = {},
  ) {
    const signature = signatureFor({ authToken: AUTH_TOKEN, url: signedUrl })
    return new TestSocket(`${this.url.replace("http", "ws")}${new URL(url).pathname}`, {
      Host: new URL(this.publicUrl).host,
      "X-Twilio-Signature": signature,
      ...headers,
    })
  }

  /** The answer to an upgrade that is refused. */
  refusedUpgrade(url: string, headers: Record<string, string>): Promise<Response> {
    return this.api(new URL(url).pathname, {
      headers: {
        Host: new URL(this.publicUrl).host,
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        ...headers,
      },
    })
  }

  /** The path of an address below the public one, without the fragment, which Twilio neither sends nor signs. */
  pathOf(url: string): string {
    return (url.split("#", 1)[0] ?? "").slice(this.publicUrl.length)
  }
}

/** An answer that the test itself checks. */
// oxlint-disable-next-line typescript/no-explicit-any -- its fields are read by name, and a missing one fails the test
export async function jsonOf(answer: Response): Promise<any> {
  return answer.json()
}

/** A client socket whose life is awaited, not watched. */
export class TestSocket {
  readonly frames = new AwaitableLog<Record<string, unknown>>("the frames of the socket")
  /** Whether the server took the connection. */
  readonly opened: Promise<boolean>
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket

  constructor(url: string, headers: Record<string, string>) {
    // Bun's client takes headers, which the DOM's type does not know.
    this.#socket = new WebSocket(url, { headers } as unknown as string[])
    const opened = Promise.withResolvers<boolean>()
    const closed = Promise.withResolvers<{ code: number; reason: string }>()
    this.opened = opened.promise
    this.closed = closed.promise
    this.#socket.addEventListener("open", () => opened.resolve(true))
    this.#socket.addEventListener("message", ({ data }) => this.frames.push(JSON.parse(String(data))))
    this.#socket.addEventListener("close", ({ code, reason }) => {
      opened.resolve(false)
      closed.resolve({ code, reason })
      this.frames.close(`closed with ${code}`)
    })
  }

  send(frame: string | Uint8Array<ArrayBuffer> | Record<string, unknown>): void {
    this.#socket.send(
      typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame),
    )
  }

  close(): void {
    this.#socket.close()
  }

  /** Reads nothing more from the network, and so answers no pings. */
  pause(): void {
    this.#socket.pause()
  }

  /** Resolves when the server sends its next ping, which is answered. */
  pinged(): Promise<void> {
    return new Promise((resolve) => this.#socket.addEventListener("ping", () => resolve(), { once: true }))
  }
}

export function voiceForm(fields: Record<string, string> = {}): Record<string, string> {
  return {
    AccountSid: ACCOUNT_SID,
    ApiVersion: "2010-04-01",
    CallSid: newSid("CA"),
    CallStatus: "ringing",
    CallerName: "",
    Direction: "inbound",
    From: "+15550100001",
    To: "+15550100002",
    ...fields,
  }
}

/** What Twilio posts when a session is over. */
export function endedForm(callSid: string, fields: Record<string, string> = {}): Record<string, string> {
  return {
    ...voiceForm({ CallSid: callSid, CallStatus: "in-progress" }),
    SessionId: newSid("VX"),
    SessionStatus: "ended",
    SessionDuration: "12",
    ...fields,
  }
}

export function setupFrame(callSid: string, customParameters: Record<string, string> = {}) {
  return {
    type: "setup",
    sessionId: newSid("VX"),
    accountSid: ACCOUNT_SID,
    parentCallSid: "",
    callSid,
    from: "+15550100001",
    to: "+15550100002",
    forwardedFrom: "",
    callType: "PSTN",
    callerName: "",
    direction: "inbound",
    callStatus: "RINGING",
    customParameters,
  }
}

export function prompt(voicePrompt: string) {
  return { type: "prompt", voicePrompt, lang: "en-US", last: true }
}

/** The relay of a document that has nothing else in it. */
export function relayOf(verbs: readonly TwimlVerb[]) {
  const [connect, ...others] = verbs
  const [relay] = connect?.children ?? []
  if (connect?.name !== "Connect" || relay?.name !== "ConversationRelay" || others.length > 0) {
    throw new Error(`no relay: ${JSON.stringify(verbs)}`)
  }
  const nested = (name: string) =>
    relay.children.filter((child) => child.name === name).map((child) => child.attributes)
  return {
    action: connect.attributes["action"] ?? "",
    attributes: relay.attributes,
    languages: nested("Language"),
    parameters: Object.fromEntries(nested("Parameter").map(({ name = "", value = "" }) => [name, value])),
  }
}

/** The connection overrides of every address that Twilio is given. */
export const OVERRIDES = "#ct=2000&rt=5000&rc=5&rp=all"
