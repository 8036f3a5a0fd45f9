/** A media relay as it is usually written for Node: `ws` on both sides, JSON in and out, a mark behind each piece. */

import { createServer } from "node:http"
import { WebSocket, WebSocketServer } from "ws"

const modelUrl = `${process.env.MODEL_URL}/realtime?model=bench`
const format = { type: "audio/pcmu" }
const session = { type: "realtime", audio: { input: { format }, output: { format } } }

const server = createServer((_, response) => response.end("ok"))
const callers = new WebSocketServer({ server, perMessageDeflate: false })
callers.on("connection", (caller) => {
  let model
  let streamSid
  let ready = false
  let pieces = 0
  const waiting = []
  const append = (audio) => model.send(JSON.stringify({ type: "input_audio_buffer.append", audio }))

  caller.on("message", (text) => {
    const message = JSON.parse(text)
    if (message.event === "start") {
      streamSid = message.start.streamSid
      model = openModel()
    } else if (message.event === "media") {
      if (ready) append(message.media.payload)
      else waiting.push(message.media.payload)
    }
  })
  caller.on("close", () => model?.close())

  function openModel() {
    const socket = new WebSocket(modelUrl, { perMessageDeflate: false })
    socket.on("open", () => socket.send(JSON.stringify({ type: "session.update", session })))
    socket.on("error", () => caller.close())
    socket.on("message", (text) => {
      const event = JSON.parse(text)
      if (event.type === "response.output_audio.delta") {
        caller.send(JSON.stringify({ event: "media", streamSid, media: { payload: event.delta } }))
        caller.send(JSON.stringify({ event: "mark", streamSid, mark: { name: String(++pieces) } }))
      } else if (event.type === "input_audio_buffer.speech_started") {
        caller.send(JSON.stringify({ event: "clear", streamSid }))
      } else if (event.type === "session.updated") {
        ready = true
        for (const payload of waiting.splice(0)) append(payload)
      }
    })
    return socket
  }
})
server.listen(Number(process.env.PORT), "127.0.0.1")
