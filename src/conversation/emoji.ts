/** Which characters are pictures and not words. (Unicode: UTS #51 "Unicode Emoji".) */

/** Signs that are read as words although they may be shown as pictures. */
const WORDS = new Set(["©", "®", "™", "ℹ", "〰", "‼", "⁉"])

export function isEmoji(char: string): boolean {
  return (
    !WORDS.has(char) && /^[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}]$/u.test(char)
  )
}

/** The joiner is also part of words in some scripts. */
export const JOINER = "\u200D"
const VARIANTS = new Set(["\uFE0F", "\u20E3"])

/** What joins or varies pictures: the joiner, the presentation and keycap marks, tags of flags. */
export function isEmojiPart(char: string): boolean {
  return char === JOINER || VARIANTS.has(char) || /^[\u{E0020}-\u{E007F}]$/u.test(char)
}
