/**
 * Makes the text of a model speakable while it streams: Markdown, emoji and the paths of web addresses are removed, rows
 * of lists and tables become clauses. Text that needs nothing passes at once. Pure.
 */

import { isEmoji, isEmojiPart, JOINER } from "./emoji.ts"
import { isLiteral, lengthOf, LINE_MARKS, linePrefix, quoteLength, type LineKind } from "./markdown-marks.ts"

/** Characters between which nothing has to be looked at. */
const PLAIN = /[^*_~`[\]|\\<hHwW\r\n\u200b-\u3299\ud800-\uffff]+/y
const MAX_MARKS = 256
const MAX_HEAD = 6
const PART_OF_NUMBER = /^[ \t]*\d{1,3}[.)]?$/

const URL_STARTS = ["http://", "https://", "www."]
const URL_END = /[\s<>"'`)\]|]/
/** A longer address, or target of a link, is dropped as it comes. */
const MAX_URL = 2048

export class SpeechFilter {
  /** What cannot be judged before more comes. */
  #held = ""
  #line: LineKind = "text"
  /** Before the first word of a line. */
  #atStart = true
  /** The kind of the line that ended, until the next one has a word. */
  #ended: LineKind | undefined
  /** How many lines ended since the last word. */
  #lineEnds = 0
  /** The first words of the line: a number with a dot may come in pieces. */
  #head = ""
  /** White space at the end of what was said in a row of a table. */
  #space = ""
  /** A cell of a table ended. */
  #nextCell = false
  /** The latest character of the model's text, and of what is spoken. */
  #before = ""
  #spoken = ""
  /** Something was removed: white space on both sides of it becomes one. */
  #gap = false
  #out = ""

  /** What may be spoken now. */
  push(piece: string): string {
    return this.#run(this.#held === "" ? piece : this.#held + piece, false)
  }

  /** What was held back, once nothing more comes. */
  flush(): string {
    return this.#run(this.#held, true)
  }

  #run(text: string, isLast: boolean): string {
    this.#out = ""
    this.#held = ""
    let at = 0
    while (at < text.length) {
      const next = this.#atStart ? this.#startLine(text, at, isLast) : this.#read(text, at, isLast)
      if (next === undefined) {
        this.#held = text.slice(at)
        break
      }
      this.#before = next > at ? text.charAt(next - 1) : this.#before
      at = next
    }
    return this.#out
  }

  /** Takes the marks at the beginning of a line. Returns where its words begin, or undefined when more must come. */
  #startLine(text: string, from: number, isLast: boolean): number | undefined {
    const marksEnd = from + lengthOf(LINE_MARKS, text, from)
    if (marksEnd === text.length && !isLast && marksEnd - from < MAX_MARKS) return undefined
    const next = text.charAt(marksEnd)
    const marks = text.slice(from, marksEnd).trim()
    if (next === "" || next === "\n" || next === "\r") {
      // A rule, or the row of dashes in a table; a key alone is a word.
      if (marks !== "*" && marks !== "#") return next === "" ? text.length : this.#endLine(marksEnd)
    }
    if (this.#ended && !isLast && PART_OF_NUMBER.test(text.slice(from))) return undefined
    const at = from + quoteLength(text, from)
    const { kind, length } = linePrefix(text, at)
    this.#line = kind
    this.#atStart = false
    this.#before = " "
    return at + length
  }

  #endLine(at: number): number {
    const isNumbered = this.#line === "text" && /^\d{1,3}[.)]\s/.test(this.#head)
    if (!this.#atStart) {
      this.#ended = isNumbered ? "item" : this.#line
      this.#lineEnds = 0
    }
    this.#lineEnds += 1
    this.#line = "text"
    this.#atStart = true
    this.#nextCell = false
    this.#space = ""
    this.#head = ""
    return at + 1
  }

  /** Reads on within a line. Returns where to continue, or undefined when more must come. */
  #read(text: string, at: number, isLast: boolean): number | undefined {
    const plain = lengthOf(PLAIN, text, at)
    if (plain > 0) {
      this.#say(text.slice(at, at + plain))
      return at + plain
    }
    const char = text.charAt(at)
    switch (char) {
      case "\n":
        return this.#endLine(at)
      case "\r":
        return at + 1
      case "*":
      case "_":
      case "~":
      case "`":
        return this.#emphasis(text, at, isLast)
      case "[":
        return this.#drop(at + 1)
      case "]":
        return this.#link(text, at, isLast)
      case "|":
        if (this.#line !== "row") this.#say(char)
        this.#nextCell = this.#line === "row"
        return at + 1
      case "\\":
        return this.#escape(text, at, isLast)
      case "<":
      case "h":
      case "H":
      case "w":
      case "W":
        return this.#address(text, at, isLast)
      default:
        return this.#symbol(text, at, isLast)
    }
  }

  #emphasis(text: string, at: number, isLast: boolean): number | undefined {
    const mark = text.charAt(at)
    let end = at
    while (text.charAt(end) === mark) end++
    if (end === text.length && !isLast) return undefined
    const run = text.slice(at, end)
    if (mark === "`" && run.length >= 3) {
      // The name of a language behind the beginning of a block.
      const name = /^[\w+#-]*/.exec(text.slice(end))?.[0].length ?? 0
      if (end + name === text.length && !isLast) return undefined
      return this.#drop(text.charAt(end + name) === "\n" ? end + name : end)
    }
    if (!isLiteral(run, this.#before, text.charAt(end))) return this.#drop(end)
    this.#say(run)
    return end
  }

  /** The end of `[text]`, perhaps with the address behind it. */
  #link(text: string, at: number, isLast: boolean): number | undefined {
    if (at + 1 === text.length && !isLast) return undefined
    if (text.charAt(at + 1) !== "(") return this.#drop(at + 1)
    const end = text.indexOf(")", at)
    if (end >= 0) return this.#drop(end + 1)
    return isLast || text.length - at > MAX_URL ? this.#drop(text.length) : undefined
  }

  #escape(text: string, at: number, isLast: boolean): number | undefined {
    if (at + 1 === text.length && !isLast) return undefined
    const next = text.charAt(at + 1)
    if (!/[!-/:-@[-`{-~]/.test(next)) {
      this.#say("\\")
      return at + 1
    }
    this.#say(next)
    return at + 2
  }

  /** Of a web address its host is spoken. */
  #address(text: string, at: number, isLast: boolean): number | undefined {
    const from = text.charAt(at) === "<" ? at + 1 : at
    const start = text.slice(from, from + 8).toLowerCase()
    const isWord = from > at || !/[\p{L}\p{N}]$/u.test(this.#before)
    const scheme = isWord ? URL_STARTS.find((known) => start.startsWith(known)) : undefined
    if (scheme === undefined) {
      const isOpen =
        from + start.length === text.length && URL_STARTS.some((known) => known.startsWith(start))
      if (isWord && isOpen && !isLast) return undefined
      this.#say(text.charAt(at))
      return at + 1
    }
    const length = text.slice(from).search(URL_END)
    if (length === -1 && !isLast && text.length - from <= MAX_URL) return undefined
    const address = length === -1 ? text.slice(from) : text.slice(from, from + length)
    const trimmed = address.replace(/[.,;:!?*_~]+$/, "")
    const host =
      trimmed
        .slice(scheme.length)
        .replace(/^www\./i, "")
        .split(/[/?#]/)[0] ?? ""
    this.#say(host.replace(/^[^@]*@|:\d+$/g, ""))
    const end = from + trimmed.length
    return from > at && text.charAt(end) === ">" ? end + 1 : end
  }

  /** Halves of characters, emoji, and everything else that is no plain letter. */
  #symbol(text: string, at: number, isLast: boolean): number | undefined {
    const code = text.codePointAt(at) ?? 0
    const isHalf = code >= 0xd800 && code <= 0xdfff
    if (isHalf && code < 0xdc00 && at + 1 === text.length && !isLast) return undefined
    const char = String.fromCodePoint(code)
    const end = at + char.length
    if (isHalf || isEmoji(char) || (isEmojiPart(char) && (this.#gap || char !== JOINER)))
      return this.#drop(end)
    this.#say(char)
    return end
  }

  #drop(next: number): number {
    this.#gap = true
    return next
  }

  #say(text: string): void {
    let words = text
    if (this.#ended || this.#nextCell) {
      words = words.trimStart()
      if (words === "") return
      this.#space = ""
      words = this.#between() + words
    } else if (this.#gap && /\s$|^$/.test(this.#spoken)) words = words.trimStart()
    if (this.#line === "row") words = this.#inRow(words)
    if (words === "") return
    if (this.#head.length < MAX_HEAD) this.#head += words
    this.#gap = false
    this.#out += words
    this.#spoken = words.slice(-1)
  }

  /** Without the white space in front of the end of a cell. */
  #inRow(words: string): string {
    const all = this.#space + words
    const trimmed = all.trimEnd()
    this.#space = all.slice(trimmed.length)
    return trimmed
  }

  /** The text between two lines, or two cells of a row. */
  #between(): string {
    const [ended, isCell, lineEnds] = [this.#ended, this.#nextCell, this.#lineEnds]
    this.#ended = undefined
    this.#nextCell = false
    if (this.#spoken === "") return ""
    const needsPause = !/[.,;:!?…。！？、\s]/.test(this.#spoken)
    if (isCell && ended === undefined) return needsPause ? ", " : " "
    if (ended === "text") return lineEnds === 1 ? "\n" : "\n\n"
    if (!needsPause) return "\n"
    return ended === "item" && this.#line === "item" ? ",\n" : ".\n"
  }
}
