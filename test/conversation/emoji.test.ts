import { expect, test } from "bun:test"
import { isEmoji, isEmojiPart } from "../../src/conversation/emoji.ts"

test.each([
  ["a face", "😀", true],
  ["a heart", "❤", true],
  ["half of a flag", "🇩", true],
  ["a skin tone", "🏽", true],
  ["a letter", "a", false],
  ["a digit", "7", false],
  ["an asterisk", "*", false],
  ["a copyright sign", "©", false],
  ["a trade mark", "™", false],
  ["a letter of Japanese", "日", false],
  ["two characters", "😀😀", false],
])("%s", (_, char, expected) => expect(isEmoji(char)).toBe(expected))

test.each([
  ["the joiner", "\u200D", true],
  ["the presentation mark", "\uFE0F", true],
  ["the keycap mark", "\u20E3", true],
  ["a tag of a flag", "\u{E0067}", true],
  ["a letter", "a", false],
  ["an emoji", "😀", false],
])("joins or varies: %s", (_, char, expected) => expect(isEmojiPart(char)).toBe(expected))
