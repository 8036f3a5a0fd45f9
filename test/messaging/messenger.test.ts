import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { openStore } from "../../src/store/open-store.ts"
import { rejection } from "../llm/fixture.ts"
import { MessengerFixture, HOUR, said } from "./messenger-fixture.ts"

describe("a conversation", () => {
  test("begins with a random id and continues under it", async () => {
    await using fixture = await MessengerFixture.open()
    const first = await fixture.talk("Hello", "Good day.")
    expect(first).toEqual({ conversationId: expect.any(String), response: "Good day.", created: true })
    expect(z.uuidv4().safeParse(first.conversationId).success).toBe(true)
    const second = await fixture.talk("Tell me more", "More.", { conversationId: first.conversationId })
    expect(second).toEqual({ conversationId: first.conversationId, response: "More.", created: false })
    expect(fixture.model.requests[1]?.items).toEqual([
      said("user", "Hello"),
      said("assistant", "Good day."),
      said("user", "Tell me more"),
    ] as never)
  })

  test("has role, tools and facts of the agent, and an id for back ends that remember", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.", { parameters: { firstname: "Ann" } })
    const request = fixture.model.requests[0]?.request
    expect(request).toMatchObject({ conversationId, facts: { firstname: "Ann", channel: "text messages" } })
    expect(request?.instructions).toContain('"firstname": "Ann"')
    expect(request?.tools.map(({ name }) => name)).toContain("end-call")
  })

  test("takes a system message as one", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("The order has shipped.", "Good news!", { role: "system" })
    expect(fixture.model.requests[0]?.items).toEqual([said("system", "The order has shipped.")] as never)
    expect(await fixture.turns(conversationId)).toEqual([
      "system: The order has shipped.",
      "agent: Good news!",
    ])
  })

  test("survives the process", async () => {
    await using store = await openStore({ url: ":memory:" })
    let id = ""
    {
      await using fixture = await MessengerFixture.open({ store })
      id = (await fixture.talk("Hello", "Good day.")).conversationId
    }
    await using fixture = await MessengerFixture.open({ store })
    await fixture.talk("More", "Yes.", { conversationId: id })
    expect(await fixture.turns(id)).toEqual([
      "caller: Hello",
      "agent: Good day.",
      "caller: More",
      "agent: Yes.",
    ])
  })

  test("ends with its time, which restarts with each message", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.")
    fixture.clock.advance(1)
    await fixture.store.conversations.update({
      ...(await fixture.messenger.read(conversationId, null)),
      expiresAt: fixture.clock.now() + 5,
    })
    await fixture.talk("Still here", "Good.", { conversationId })
    expect((await fixture.messenger.read(conversationId, null)).expiresAt).toBe(
      fixture.clock.now() + 24 * HOUR,
    )
    await fixture.store.conversations.update({
      ...(await fixture.messenger.read(conversationId, null)),
      expiresAt: fixture.clock.now(),
    })
    expect(await rejection(fixture.send("Hello?", { conversationId }))).toMatchObject({ code: "NOT_FOUND" })
    expect(await rejection(fixture.messenger.read(conversationId, null))).toMatchObject({
      message: expect.stringContaining("its time is over"),
    })
  })

  test("past the cap the oldest goes", async () => {
    await using fixture = await MessengerFixture.open({ most: 2 })
    const ids: string[] = []
    for (const text of ["one", "two", "three"]) {
      fixture.clock.advance(1)
      ids.push((await fixture.talk(text, "Yes.")).conversationId)
    }
    const [first = "", second = "", third = ""] = ids
    expect(await rejection(fixture.messenger.read(first, null))).toMatchObject({
      message: expect.stringContaining("no such conversation"),
    })
    expect([(await fixture.turns(second)).length, (await fixture.turns(third)).length]).toEqual([2, 2])
  })

  test("keeps its latest turns only", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("x".repeat(30_000), "Yes.")
    for (let n = 0; n < 20; n++) await fixture.talk("y".repeat(30_000), "Yes.", { conversationId })
    const { turns } = await fixture.messenger.read(conversationId, null)
    expect(turns.length).toBeLessThan(30)
    expect(turns.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(400_000)
    expect((await fixture.turns(conversationId)).slice(-1)).toEqual(["agent: Yes."])
  })

  test("that is deleted while an answer is made stays deleted", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.")
    const sent = fixture.send("More", { conversationId })
    const request = await fixture.model.next()
    await fixture.messenger.remove(conversationId, null)
    await request.end("Yes.")
    expect((await sent).response).toBe("Yes.")
    expect(await rejection(fixture.messenger.read(conversationId, null))).toMatchObject({
      message: expect.stringContaining("no such conversation"),
    })
  })
})

describe("choices", () => {
  test("parameters are added to, and what is named holds on", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.", { parameters: { a: "1", b: "1" } })
    await fixture.talk("More", "Yes.", {
      conversationId,
      parameters: { b: "2" },
      contextKey: "defaultContext",
    })
    await fixture.talk("More", "Yes.", { conversationId })
    expect(await fixture.messenger.read(conversationId, null)).toMatchObject({
      agent: "default",
      parameters: { a: "1", b: "2", contextKey: "defaultContext" },
    })
  })

  test.each([
    ["agent", { agent: "unknown" }, "Agent not found for key: unknown"],
    ["context", { contextKey: "nothing" }, "Context not found for key: nothing"],
    ["manifest", { manifestKey: "nothing" }, "Tool manifest not found for key: nothing"],
    [
      "too many parameters",
      { parameters: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`p${n}`, ""])) },
      "100 parameters",
    ],
  ] as const)("an unknown one is refused, and nothing begins: %s", async (_, message, words) => {
    await using fixture = await MessengerFixture.open()
    expect(await rejection(fixture.send("Hello", message))).toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringContaining(words),
    })
    expect(fixture.model.requests.length).toBe(0)
    expect(fixture.messenger.size).toBe(0)
  })

  test("a key that the configuration has lost since is left out", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.")
    const kept = await fixture.messenger.read(conversationId, null)
    await fixture.store.conversations.update({ ...kept, agent: "gone", parameters: { contextKey: "gone" } })
    expect((await fixture.talk("More", "Yes.", { conversationId })).response).toBe("Yes.")
  })
})

describe("users", () => {
  test.each([
    ["its owner", "ann", "ann", true],
    ["a key of everyone", "ann", null, true],
    ["another user", "ann", "eve", false],
    ["a user, where it has no user", null, "eve", false],
  ] as const)("%s", async (_, owner, other, sees) => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.", { userId: owner })
    if (sees) {
      await fixture.talk("More", "Yes.", { conversationId, userId: other })
      expect((await fixture.messenger.read(conversationId, other)).userId).toBe(owner)
      return await fixture.messenger.remove(conversationId, other)
    }
    const sent = fixture.send("More", { conversationId, userId: other })
    expect(await rejection(sent)).toMatchObject({ code: "NOT_FOUND" })
    expect(await rejection(fixture.messenger.read(conversationId, other))).toMatchObject({
      message: expect.stringContaining("no such conversation"),
    })
    expect(await rejection(fixture.messenger.remove(conversationId, other))).toMatchObject({
      message: expect.stringContaining("no such conversation"),
    })
    const another = await fixture.talk("More", "Who?", {
      conversationId,
      userId: other,
      unknownId: "open-another",
    })
    expect(another).toMatchObject({ created: true, response: "Who?" })
    expect(another.conversationId).not.toBe(conversationId)
    expect(fixture.model.requests[1]?.items).toEqual([said("user", "More")] as never)
  })
})
