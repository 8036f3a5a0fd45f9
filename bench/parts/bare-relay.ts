/**
 * The floor of a media relay: cuts the audio out of each frame and sends it on, and does nothing else. It has no calls, no
 * signatures, no transcript, no tools; it checks nothing, and forgets what it sent. With MARKS=1 a mark follows each
 * piece, as everyone needs who wants to know what was heard. With READS=json every frame is parsed and written as JSON,
 * as a relay is usually written.
 */

type Leg = { model: WebSocket | undefined; ready: boolean; streamSid: string; waiting: string[] }

const PAYLOAD = '"payload":"'
const DELTA = '"delta":"'
const withMarks = process.env["MARKS"] === "1"
const withJson = process.env["READS"] === "json"
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
      if (withJson) hearJson(ws, text)
      else if (text.startsWith('{"event":"media"')) {
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

type TwilioFrame = { event: string; media: { payload: string }; start: { streamSid: string } }
type ModelEvent = { type: string; delta: string }

function hearJson(ws: Bun.ServerWebSocket<Leg>, text: string): void {
  const leg = ws.data
  const frame = JSON.parse(text) as TwilioFrame
  if (frame.event === "media") {
    const append = JSON.stringify({ type: "input_audio_buffer.append", audio: frame.media.payload })
    if (leg.ready) leg.model?.send(append)
    else leg.waiting.push(append)
  } else if (frame.event === "start") {
    leg.streamSid = frame.start.streamSid
    leg.model = openModel(ws)
  }
}

function openModel(caller: Bun.ServerWebSocket<Leg>): WebSocket {
  const model = new WebSocket(modelUrl, { perMessageDeflate: false })
  const { data: leg } = caller
  const head = `{"event":"media","streamSid":"${leg.streamSid}","media":{"payload":"`
  let pieces = 0
  model.addEventListener("open", () => model.send(SESSION))
  model.addEventListener("message", ({ data }) => {
    const text = String(data)
    if (withJson) speakJson(text)
    else if (text.startsWith('{"type":"response.output_audio.delta"')) {
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

  function speakJson(text: string): void {
    const { streamSid } = leg
    const event = JSON.parse(text) as ModelEvent
    if (event.type === "response.output_audio.delta") {
      caller.send(JSON.stringify({ event: "media", streamSid, media: { payload: event.delta } }))
      if (!withMarks) return
      pieces += 1
      caller.send(JSON.stringify({ event: "mark", streamSid, mark: { name: String(pieces) } }))
    } else if (event.type === "input_audio_buffer.speech_started") {
      caller.send(JSON.stringify({ event: "clear", streamSid }))
    } else if (event.type === "session.updated") {
      leg.ready = true
      for (const append of leg.waiting.splice(0)) model.send(append)
    }
  }
}
