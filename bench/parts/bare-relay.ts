/**
 * The floor of a media relay: cuts the sound out of each frame and sends it on, and does nothing else. It has no calls, no
 * signatures, no transcript, no tools; it checks nothing, and forgets what it sent. With MARKS=1 a mark follows each
 * piece, as everyone needs who wants to know what was heard.
 */

type Leg = { model: WebSocket | undefined; ready: boolean; streamSid: string; waiting: string[] }

const PAYLOAD = '"payload":"'
const DELTA = '"delta":"'
const withMarks = process.env["MARKS"] === "1"
const modelUrl = `${process.env["MODEL_URL"] ?? ""}/realtime?model=bench`
const SESSION = JSON.stringify({
  type: "session.update",
  session: {
    type: "realtime",
    audio: { input: { format: { type: "audio/pcmu" } }, output: { format: { type: "audio/pcmu" } } },
  },
})

Bun.serve<Leg>({
  port: Number(process.env["PORT"]),
  hostname: "127.0.0.1",
  fetch(request, server) {
    const data = { model: undefined, ready: false, streamSid: "", waiting: [] }
    return server.upgrade(request, { data }) ? undefined : new Response("ok")
  },
  websocket: {
    perMessageDeflate: false,
    message(ws, message) {
      const text = String(message)
      const leg = ws.data
      if (text.startsWith('{"event":"media"')) {
        const from = text.indexOf(PAYLOAD) + PAYLOAD.length
        const append = `{"type":"input_audio_buffer.append","audio":"${text.slice(from, text.indexOf('"', from))}"}`
        if (leg.ready) leg.model?.send(append)
        else leg.waiting.push(append)
      } else if (text.startsWith('{"event":"start"')) {
        leg.streamSid = /"streamSid":"(\w+)"/.exec(text)?.[1] ?? ""
        leg.model = openModel(ws)
      }
    },
    close(ws) {
      ws.data.model?.close()
    },
  },
})

function openModel(caller: Bun.ServerWebSocket<Leg>): WebSocket {
  const model = new WebSocket(modelUrl, { perMessageDeflate: false })
  const { data: leg } = caller
  const head = `{"event":"media","streamSid":"${leg.streamSid}","media":{"payload":"`
  let pieces = 0
  model.addEventListener("open", () => model.send(SESSION))
  model.addEventListener("message", ({ data }) => {
    const text = String(data)
    if (text.startsWith('{"type":"response.output_audio.delta"')) {
      const from = text.indexOf(DELTA) + DELTA.length
      caller.send(`${head}${text.slice(from, text.indexOf('"', from))}"}}`)
      if (!withMarks) return
      pieces += 1
      caller.send(`{"event":"mark","streamSid":"${leg.streamSid}","mark":{"name":"${pieces}"}}`)
    } else if (text.startsWith('{"type":"input_audio_buffer.speech_started"')) {
      caller.send(`{"event":"clear","streamSid":"${leg.streamSid}"}`)
    } else if (text.startsWith('{"type":"session.updated"')) {
      leg.ready = true
      for (const append of leg.waiting.splice(0)) model.send(append)
    }
  })
  return model
}
