import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Child } from "../cli/child.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { says } from "../fakes/openai-script.ts"
import {
  AUTH_TOKEN,
  endedForm,
  prompt,
  PUBLIC_URL,
  relayOf,
  setupFrame,
  voiceForm,
  Client,
} from "../server/client.ts"
import { linesOf } from "./relay-harness.ts"

const cwd = mkdtempSync(join(tmpdir(), "parley-restart-"))
afterAll(() => rmSync(cwd, { recursive: true }))

const GREETING = "Hello there! How can I assist you today?"

test("kill -9 in the middle of a call loses no turn, and the next process continues with the conversation", async () => {
  await using openai = new FakeOpenAi()
  const settings = (port: string) => ({
    PORT: port,
    // The process that is killed is the one that serves; no other one starts the next.
    SUPERVISOR: "off",
    PUBLIC_URL,
    TWILIO_AUTH_TOKEN: AUTH_TOKEN,
    LOCAL_API: "open",
    OPENAI_API_KEY: "sk-test",
    OPENAI_BASE_URL: openai.baseUrl,
    DATABASE_URL: `file:${join(cwd, "calls.db")}`,
  })
  await using first = new Child([], { cwd, env: settings("0") })
  const url = await first.listening()
  const client = new Client(url, PUBLIC_URL)
  const { callSid, form, socketUrl, actionPath } = await client.incoming()
  const socket = client.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  openai.enqueue(says("Nice to meet you, Ada."))
  socket.send(prompt("My name is Ada"))
  await socket.frames.next(({ last }) => last === true)
  // The second answer is still being made when the process dies; a request of the API sees it, as it sees every turn.
  const never = Promise.withResolvers<void>()
  openai.enqueue({ steps: [{ say: ["It was the best "] }, { wait: never.promise }] })
  socket.send(prompt("Tell me a story"))
  await socket.frames.next(({ token }) => token === "It was the best ")
  const before = await client.json(`/v1/calls/${callSid}/transcript`)
  first.kill("SIGKILL")
  expect(await first.exited).toBeNull()
  expect((await socket.closed).code).not.toBe(1000)

  await using second = new Child([], { cwd, env: settings(new URL(url).port) })
  expect(await second.listening()).toBe(url)
  // Every turn is there at once, before Twilio has said anything.
  const after = await client.json(`/v1/calls/${callSid}/transcript`)
  expect(after).toEqual(before)
  expect(after.turns.map(({ text }: { text: string }) => text)).toEqual([
    GREETING,
    "My name is Ada",
    "Nice to meet you, Ada.",
    "Tell me a story",
    "It was the best",
  ])

  // The used token and the answered webhook are remembered.
  expect(await client.socket(socketUrl).opened).toBe(false)
  expect((await client.webhook("/twilio/voice", form)).status).toBe(403)
  const lost = endedForm(callSid, {
    SessionStatus: "failed",
    ErrorCode: "64105",
    ErrorMessage: "Websocket ended",
  })
  const relay = relayOf(await client.twiml(actionPath, lost))
  expect(relay.attributes["welcomeGreeting"]).toBeUndefined()

  const resumed = client.socket(relay.attributes["url"] ?? "")
  await resumed.opened
  resumed.send(setupFrame(callSid))
  expect(await resumed.frames.next()).toMatchObject({
    type: "text",
    token: "Sorry, we were cut off. Please go on.",
  })
  openai.enqueue(says("Ada."))
  resumed.send(prompt("What is my name?"))
  await resumed.frames.next(({ token, last }) => token === "" && last === true)
  expect(linesOf(openai.requests.at(-1)?.body ?? {})).toEqual([
    `assistant: ${GREETING}`,
    "user: My name is Ada",
    "assistant: Nice to meet you, Ada.",
    "user: Tell me a story",
    "assistant: It was the best",
    "assistant: Sorry, we were cut off. Please go on.",
    "user: What is my name?",
  ])
  expect(await client.json(`/v1/calls/${callSid}`)).toMatchObject({ resumes: 1, live: true })
  await client.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  expect(await client.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "completed", endedBy: "caller" })
  never.resolve()
}, 15_000)
