/** Where calls and text messages may go. */

import { expect, test } from "bun:test"
import { TransferTarget } from "../../src/call/transfer-target.ts"
import { readConfig } from "../../src/config/config.ts"
import { dialRefusal, textRefusal, transferRefusal, type DialContext } from "../../src/control/may-dial.ts"

const US = "+12125550100"

function rules(env: Record<string, string> = {}, ownNumbers: readonly string[] = []): DialContext {
  return { config: readConfig(env), ownNumbers: async () => ownNumbers }
}

test.each([
  ["a number of the same country", US, "+13105550123", true],
  ["a test number of the same plan", US, "+15550100001", true],
  ["a number from a test number", "+15550100002", "+12125550123", true],
  ["Canada from the United States", US, "+16135550100", true],
  ["a toll-free number", US, "+18005550123", true],
  ["the Caribbean, which shares the code", US, "+18095551234", false],
  ["another country", US, "+4930123456", false],
  ["a country that no plan knows", US, "+99912345678", false],
  ["premium-rate", US, "+19005550123", false],
  ["British premium-rate", "+442079460958", "+449098790000", false],
  ["British personal numbers", "+442079460958", "+447012345678", false],
  ["British 03, at the ordinary rate", "+442079460958", "+443301234567", true],
  ["German shared-cost", "+4930123456", "+491801234567", false],
  ["Inmarsat", US, "+870773123456", false],
  ["Iridium", US, "+881612345678", false],
  ["a network without a country", US, "+88213123456", false],
  ["international premium-rate", US, "+979123456789", false],
  ["a withheld caller", US, "+266696687", false],
])("without a list, %s: from %s to %s: %p", async (_, own, number, allowed) => {
  expect((await dialRefusal(rules(), number, own)) === undefined).toBe(allowed)
})

test.each([
  ["the number of the settings", { TWILIO_FROM_NUMBER: "+4930123456" }, [], "+498912345678", true],
  ["the default country", { DEFAULT_COUNTRY: "DE" }, [], "+4930123456", true],
  ["another number of the account", {}, [US, "+4930123456"], "+498912345678", true],
  ["none of them", { DEFAULT_COUNTRY: "DE" }, ["+442079460958"], "+46812345678", false],
  ["nothing that is known", {}, [], "+46812345678", true],
  ["nothing that is known, and premium-rate", {}, [], "+19005550123", false],
])("the country of %s is home", async (_, env, numbers, to, allowed) => {
  expect((await dialRefusal(rules(env, numbers), to)) === undefined).toBe(allowed)
})

test("Twilio is asked for numbers only where the answer depends on them", async () => {
  let asked = 0
  const ownNumbers = async () => {
    asked += 1
    return []
  }
  const context = { config: readConfig({}), ownNumbers }
  expect(await dialRefusal(context, "+13105550123", US)).toBeUndefined()
  expect(asked).toBe(0)
})

test.each([
  ["+1,+4930", "+4930123456", true],
  ["+1,+4930", "+498912345678", false],
  ["+1", "+19005550123", false],
  ["+1,+1900", "+19005550123", true],
  ["+44", "+449098790000", false],
  ["+4490", "+449098790000", true],
  ["+8", "+870773123456", false],
  ["+870", "+870773123456", true],
  ["*", "+4930123456", true],
  ["*", "+979123456789", false],
  ["*,+979", "+979123456789", true],
])("ALLOWED_DESTINATIONS=%s: %s: %p", async (ALLOWED_DESTINATIONS, number, allowed) => {
  const refusal = await dialRefusal(rules({ ALLOWED_DESTINATIONS }, [US]), number, US)
  expect(refusal === undefined).toBe(allowed)
  if (!allowed) expect(refusal).toContain("ALLOWED_DESTINATIONS")
})

test.each([
  ["the domain of TRANSFER_TO", { TRANSFER_TO: "sip:desk@pbx.example.com" }, "sip:ann@pbx.example.com", true],
  [
    "a listed domain",
    { ALLOWED_SIP_DOMAINS: "example.com" },
    "sips:a@pbx.example.com:5061;transport=tls",
    true,
  ],
  ["a domain that ends alike", { ALLOWED_SIP_DOMAINS: "example.com" }, "sip:a@badexample.com", false],
  ["another domain", {}, "sip:a@evil.example", false],
  [
    "a second host behind a parameter",
    { ALLOWED_SIP_DOMAINS: "a.com" },
    "sip:x@a.com;maddr=y@evil.example",
    false,
  ],
  ["a detour", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com;maddr=evil.example", false],
  ["a queue", {}, "queue:support", true],
  ["a workflow", {}, `workflow:WW${"0".repeat(32)}`, true],
  ["a premium-rate number", {}, "+19005550123", false],
])("a transfer to %s", async (_, env, to, allowed) => {
  const refusal = await transferRefusal(rules(env, [US]), TransferTarget.parse(to))
  expect(refusal === undefined).toBe(allowed)
})

test.each([
  ["the caller", {}, "+13105550123", "+13105550123", true],
  ["another than the caller", {}, "+13105550123", "+13105550124", false],
  ["another on the list for messages", { SMS_ALLOWED_DESTINATIONS: "+1310" }, "+1", "+13105550124", true],
  ["a caller from another country", {}, "+4930123456", "+4930123456", false],
  [
    "the same, when calls there are allowed",
    { ALLOWED_DESTINATIONS: "+49" },
    "+4930123456",
    "+4930123456",
    true,
  ],
  ["a withheld caller", {}, "+266696687", "+266696687", false],
])("a message to %s", async (_, env, peer, to, allowed) => {
  expect((await textRefusal(rules(env), { to, peer, own: US })) === undefined).toBe(allowed)
})
