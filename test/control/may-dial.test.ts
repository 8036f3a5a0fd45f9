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
  ["a country that no plan knows, from there", "+99912345670", "+99912345678", false],
  ["the Caribbean, in a range that no plan has", US, "+12425550100", false],
  ["premium-rate, the old area code", US, "+19765551234", false],
  ["premium-rate, exchange 976", US, "+12129761234", false],
  ["a carrier's services", US, "+17005551234", false],
  ["an unassigned area code that looks like a service", US, "+18111234567", false],
  ["German premium-rate, of an unknown length", "+4930123456", "+49900123456", false],
  ["German directory service", "+4930123456", "+4911833", false],
  ["German mass traffic", "+4930123456", "+49137123456", false],
  ["French directory service", "+33123456789", "+33118218", false],
  ["Italian premium-rate", "+390236618300", "+39899123456", false],
  ["Swedish premium-rate", "+46812345678", "+46939123456", false],
  ["Austrian premium-rate", "+43123456789", "+43900123456", false],
  ["Australian premium-rate", "+61290000000", "+611900123456", false],
  ["Japanese premium-rate, unknown to its plan", "+81312345678", "+819901234567", false],
  ["British numbers for drama, which are ordinary", "+442079460958", "+447700900123", true],
  ["a German mobile number", "+4930123456", "+4915112345678", true],
  ["an Italian landline, which begins with 0", "+390236618300", "+390236618301", true],
  ["Inmarsat of an earlier code", US, "+87112345678", false],
  ["Globalstar", US, "+88191234567", false],
  ["international shared-cost", US, "+80812345678", false],
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
  ["nothing that is known", {}, [], "+46812345678", false],
  ["nothing that is known, and premium-rate", {}, [], "+19005550123", false],
])("the country of %s is home", async (_, env, numbers, to, allowed) => {
  expect((await dialRefusal(rules(env, numbers), to)) === undefined).toBe(allowed)
})

test("without a known home the refusal says what to set", async () => {
  const refusal = await dialRefusal(rules(), "+46812345678")
  for (const setting of ["ALLOWED_DESTINATIONS", "DEFAULT_COUNTRY", "TWILIO_FROM_NUMBER"])
    expect(refusal).toContain(setting)
  // An address is no number.
  expect(await dialRefusal(rules(), US, "sip:desk@example.com")).toBe(refusal)
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
  ["+1", "+12125550100", true],
  ["+1", "+16135550100", true],
  ["+1", "+18765550100", false],
  ["+1", "+18095551234", false],
  ["+1", "+17875550100", false],
  ["+18", "+18765550100", false],
  ["+18", "+18185550100", true],
  ["+1876", "+18765550100", true],
  ["+1,+1809", "+18095551234", true],
  ["+1,+1976", "+19765551234", true],
  ["*", "+99912345678", false],
  ["*,+999", "+99912345678", true],
  ["+4", "+49900123456", false],
  ["+49", "+49900123456", false],
  ["+49900", "+49900123456", true],
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
  ["an escaped detour", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com;%6daddr=evil.example", false],
  ["a detour in capitals", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com;MADDR=evil.example", false],
  [
    "a route in a header",
    { ALLOWED_SIP_DOMAINS: "a.com" },
    "sip:x@a.com?Route=%3Csip:evil.example%3E",
    false,
  ],
  ["an escaped header", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com?%52oute=x", false],
  ["a trunk group", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com;tgrp=other", false],
  ["another method", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com;method=REFER", false],
  ["a line end in a header", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x@a.com?X-A=1%0d%0aRoute:%20x", false],
  [
    "data for the receiver",
    { ALLOWED_SIP_DOMAINS: "a.com" },
    "sip:x@a.com;transport=tls?X-A=1&User-to-User=b",
    true,
  ],
  ["a name with a host in it", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x%40evil.example@a.com", false],
  [
    "a name with a parameter in it",
    { ALLOWED_SIP_DOMAINS: "a.com" },
    "sip:1;phone-context=+1900@a.com",
    false,
  ],
  ["a password", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:x:y@a.com", false],
  ["a premium-rate number at a gateway", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:+19005550123@a.com", false],
  ["the same, escaped", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:%2B1%39005550123@a.com", false],
  ["the same, with 00", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:0019005550123@a.com;user=phone", false],
  ["the same, with 011", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:011881612345678@a.com", false],
  ["the same, in digits", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:19005550123@a.com", false],
  ["national", { ALLOWED_SIP_DOMAINS: "a.com", DEFAULT_COUNTRY: "US" }, "sip:9005550123@a.com", false],
  [
    "a premium-rate number that is listed",
    { ALLOWED_SIP_DOMAINS: "a.com", ALLOWED_DESTINATIONS: "+1900" },
    "sip:+19005550123@a.com",
    true,
  ],
  ["after the digit for a line", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:90019005550123@a.com", false],
  ["after the digit and a plus", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:9+19005550123@a.com", false],
  ["after a service code", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:*72881612345678@a.com", false],
  ["with a mark in it", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:+88161234*5678@a.com", false],
  ["with an end mark", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:011881612345678%23@a.com", false],
  ["with a full-width digit", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:+88161234567%EF%BC%98@a.com", false],
  ["twice", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:+881612345678&+1@a.com", false],
  ["a toll-free number in digits", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:18002345678@a.com", true],
  ["a name with digits", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:desk-900@a.com", true],
  ["an ordinary number at a gateway", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:+4930123456@a.com", true],
  ["an extension", { ALLOWED_SIP_DOMAINS: "a.com" }, "sip:9001@a.com", true],
  ["a queue", {}, "queue:support", false],
  ["a listed queue", { ALLOWED_QUEUES: "sales,support" }, "queue:support", true],
  ["the queue of TRANSFER_TO", { TRANSFER_TO: "queue:support" }, "queue:support", true],
  ["a workflow", {}, `workflow:WW${"0".repeat(32)}`, false],
  ["a listed workflow", { ALLOWED_QUEUES: `WW${"0".repeat(32)}` }, `workflow:WW${"0".repeat(32)}`, true],
  ["a premium-rate number", {}, "+19005550123", false],
])("a transfer that a request names, to %s", async (_, env, to, allowed) => {
  const target = TransferTarget.parse(to)
  const refusal = await transferRefusal(rules(env, [US]), target, { namedBy: "request" })
  expect(refusal === undefined).toBe(allowed)
})

test("the settings may name any queue", async () => {
  const target = TransferTarget.parse("queue:support")
  expect(await transferRefusal(rules(), target, { namedBy: "settings" })).toBeUndefined()
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
  ["another in the Caribbean", { SMS_ALLOWED_DESTINATIONS: "+1" }, "+1", "+18765550100", false],
])("a message to %s", async (_, env, peer, to, allowed) => {
  expect((await textRefusal(rules(env), { to, peer, own: US })) === undefined).toBe(allowed)
})
