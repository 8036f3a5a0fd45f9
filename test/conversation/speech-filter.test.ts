import { describe, expect, test } from "bun:test"
import { SpeechFilter } from "../../src/conversation/speech-filter.ts"

function spoken(pieces: Iterable<string>): string {
  const filter = new SpeechFilter()
  let out = ""
  for (const piece of pieces) out += filter.push(piece)
  return out + filter.flush()
}

const units = (text: string) => text.split("")

const CASES = [
  [
    "plain words",
    "Hello, how are you? We hope what you want works.",
    "Hello, how are you? We hope what you want works.",
  ],
  [
    "bold and italics",
    "This is **very** important, *really*, and __so__ is _this_.",
    "This is very important, really, and so is this.",
  ],
  ["bold at the beginning", "**Note:** it is late.", "Note: it is late."],
  ["bold over punctuation", "**Wait!** Then go.", "Wait! Then go."],
  ["struck out", "It is ~~not~~ open, about ~5 minutes.", "It is not open, about ~5 minutes."],
  ["code", "Say `yes` now.", "Say yes now."],
  ["a block of code", "```json\nyes\n```\nDone.", "yes\nDone."],
  ["keys stay", "Press * or # now. Press *.", "Press * or # now. Press *."],
  ["sums and names stay", "5*3 is 15, see order_id and a_b.", "5*3 is 15, see order_id and a_b."],
  ["a heading", "# Offers\nToday only.", "Offers.\nToday only."],
  ["a number sign stays", "You are #1 here.", "You are #1 here."],
  [
    "a list",
    "We have:\n- milk\n- eggs\n* bread\nAnything else?",
    "We have:\nmilk,\neggs,\nbread.\nAnything else?",
  ],
  ["a list of sentences", "- It is late.\n- I go.", "It is late.\nI go."],
  ["a list of numbers", "1. Milk\n2. Eggs\n\nThat is all.", "1. Milk,\n2. Eggs.\nThat is all."],
  ["a list with bold words", "- **Milk**: fresh\n- **Eggs**", "Milk: fresh,\nEggs"],
  ["a list inside of a list", "- Fruit\n  - apples\n  - pears", "Fruit,\napples,\npears"],
  ["a quotation", "> He said\n> no.", "He said\nno."],
  ["a negative number stays", "It is\n-5 degrees.", "It is\n-5 degrees."],
  ["a rule", "One.\n\n---\n\nTwo.", "One.\n\nTwo."],
  [
    "a table",
    "| Size | Price |\n| --- | ---: |\n| small | 5 |\n| large | 7 |",
    "Size, Price.\nsmall, 5.\nlarge, 7",
  ],
  ["lines stay lines", "Roses are red,\nviolets are blue", "Roses are red,\nviolets are blue"],
  ["a link", "See [our page](https://acme.example/a?b=c) now.", "See our page now."],
  ["brackets", "It is [nearly] done.", "It is nearly done."],
  ["an address", "Visit https://www.acme.example/help/a?x=1#y, please.", "Visit acme.example, please."],
  ["an address at the end", "Visit www.acme.example.", "Visit acme.example."],
  ["an address in angle brackets", "Go to <https://acme.example/x> now.", "Go to acme.example now."],
  ["an address with a port and a user", "http://me@acme.example:8080/x", "acme.example"],
  ["an address in bold", "**https://acme.example/x**", "acme.example"],
  ["a mail address stays", "Write to help@acme.example.", "Write to help@acme.example."],
  ["smaller than stays", "If 3 < 5, how?", "If 3 < 5, how?"],
  ["emoji", "Great! 😀 Let us go 👍🏽.", "Great! Let us go ."],
  ["emoji made of many", "A 👨‍👩‍👧‍👦 family 🇩🇪 and ❤️ and 1️⃣.", "A family and and 1."],
  ["signs that are words", "Acme™ costs 5 € → cheap ©.", "Acme™ costs 5 € → cheap ©."],
  ["joiners inside of words stay", "क्‍ष", "क्‍ष"],
  ["halves of characters", "A\ud83d B\ude00 C", "A B C"],
  ["escapes", "Press \\* and \\# now, C:\\temp.", "Press * and # now, C:\\temp."],
  ["Windows line ends", "- a\r\n- b\r\n", "a,\nb"],
  ["other scripts", "今日は、良い天気です。**はい**。", "今日は、良い天気です。はい。"],
  ["a star alone", "*", "*"],
  ["nothing but marks", "**\n---", ""],
  ["nothing", "", ""],
] as const

describe("what is spoken", () => {
  test.each(CASES)("%s", (_, text, expected) => expect(spoken([text])).toBe(expected))
  test.each(CASES)("%s, cut anywhere", (_, text, expected) => {
    expect(spoken(units(text))).toBe(expected)
    for (let cut = 1; cut < text.length; cut++) {
      expect(spoken([text.slice(0, cut), text.slice(cut)])).toBe(expected)
    }
  })
})

describe("latency", () => {
  test("words that need nothing pass at once, token by token", () => {
    const filter = new SpeechFilter()
    const tokens = ["Hello", ",", " how", " was", " your", " week", "?", " It", "'s", " 5", " o'clock", "."]
    expect(tokens.map((token) => filter.push(token))).toEqual(tokens)
    expect(filter.flush()).toBe("")
  })

  test("the text of a link does not wait for its address", () => {
    const filter = new SpeechFilter()
    expect(["See ", "[our ", "page", "](http", "s://x)", " now"].map((token) => filter.push(token))).toEqual([
      "See ",
      "our ",
      "page",
      "",
      "",
      " now",
    ])
  })

  test("nothing is held for ever: an address and a row of marks without end", () => {
    const filter = new SpeechFilter()
    filter.push("https://acme.example/")
    let out = ""
    for (let count = 0; count < 1000; count++) out += filter.push("abcdef")
    expect(out).toStartWith("acme.example")
    const marks = new SpeechFilter()
    let rest = ""
    for (let count = 0; count < 1000; count++) rest += marks.push("- ")
    expect(rest.length + marks.flush().length).toBeLessThan(3000)
  })
})
