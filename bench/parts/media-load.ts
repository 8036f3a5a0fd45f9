/**
 * Both ends of a media relay in one process: the carrier of many calls, and the Realtime model behind them. Everything is
 * sent by an absolute clock and carries its moment, so that the time between is the relay's.
 */

import { MediaCall, newMediaSamples, type MediaLoadOptions, type MediaSamples } from "./media-call.ts"
import { wallMs } from "./wall-clock.ts"

/** Where the next call's socket is opened. */
export type Dial = () => Promise<{ url: string; headers: Record<string, string>; callSid: string }>

type ModelSide = { call: MediaCall | undefined; early: string[] }

const DIALLED_AT_ONCE = 8
/** What has not come so long after the last sending is lost. */
const LATEST_MS = 5_000
const AUDIO = '"audio":"'

export class MediaLoad implements AsyncDisposable {
  samples: MediaSamples = newMediaSamples()
  readonly calls: MediaCall[] = []
  readonly #options: MediaLoadOptions
  readonly #model: Bun.Server<ModelSide>
  #stopped = false

  constructor(options: MediaLoadOptions) {
    this.#options = options
    this.#model = this.#serveModel()
    this.#tick()
  }

  /** For `OPENAI_BASE_URL`, with `http`. */
  get modelUrl(): string {
    return `http://127.0.0.1:${this.#model.port}/v1`
  }

  /** Opens so many calls; resolves when all of them stream both ways. Throws when that takes too long. */
  async open(count: number, dial: Dial): Promise<void> {
    const base = this.calls.length
    let next = base
    const lane = async () => {
      while (next < base + count) {
        const index = next++
        const { url, headers, callSid } = await dial()
        const call = new MediaCall({ index, callSid, options: this.#options, samples: () => this.samples })
        this.calls[index] = call
        await call.open(url, headers)
      }
    }
    await Promise.all(Array.from({ length: DIALLED_AT_ONCE }, lane))
    await Promise.all(this.calls.map((call) => call.speaking))
  }

  /** Both sides fall silent, and the sockets are closed when all that was on its way has arrived, or long after. */
  async hangUp(): Promise<void> {
    for (const call of this.calls) call.silence()
    const late = wallMs() + LATEST_MS
    while (this.calls.some(({ isWaiting }) => isWaiting) && wallMs() < late) await Bun.sleep(50)
    for (const call of this.calls) call.hangUp()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#model.stop(true)
  }

  /** One timer for all, by the clock and not by its own beat. */
  #tick(): void {
    const now = wallMs()
    for (const call of this.calls) call?.advance(now)
    if (!this.#stopped) setTimeout(() => this.#tick(), 1)
  }

  #serveModel(): Bun.Server<ModelSide> {
    return Bun.serve<ModelSide>({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request, server) => {
        const data = { call: undefined, early: [] }
        return server.upgrade(request, { data }) ? undefined : new Response("no socket", { status: 404 })
      },
      websocket: {
        perMessageDeflate: false,
        idleTimeout: 0,
        open: (ws) => {
          ws.send(
            '{"type":"session.created","event_id":"event_0","session":{"type":"realtime","id":"sess_1"}}',
          )
        },
        message: (ws, message) => this.#hear(ws, String(message), wallMs()),
      },
    })
  }

  #hear(ws: Bun.ServerWebSocket<ModelSide>, text: string, at: number): void {
    if (text.startsWith('{"type":"input_audio_buffer.append"')) {
      const from = text.indexOf(AUDIO) + AUDIO.length
      // Only the audio itself identifies the call of this connection.
      ws.data.call ??= this.#adopt(ws, text.slice(from + 6, from + 10))
      ws.data.call?.heard(text, from, at)
    } else if (text.includes('"type":"session.update"')) {
      setTimeout(() => ws.send(sessionUpdated(text)), ws.data.call ? 0 : this.#options.settingsMs)
    } else if (ws.data.call) ws.data.call.asked(text)
    else ws.data.early.push(text)
  }

  #adopt(ws: Bun.ServerWebSocket<ModelSide>, digits: string): MediaCall | undefined {
    const call = this.calls[Number.parseInt(digits, 36)]
    call?.modelFound((text) => void ws.send(text))
    for (const text of ws.data.early.splice(0)) call?.asked(text)
    return call
  }
}

function sessionUpdated(update: string): string {
  const { session } = JSON.parse(update)
  return JSON.stringify({
    type: "session.updated",
    event_id: "event_1",
    session: { ...session, id: "sess_1", expires_at: Math.floor(Date.now() / 1000) + 3_600 },
  })
}
