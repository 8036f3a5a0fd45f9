/** Reads TwiML into an ordered list of verbs, as Twilio runs them. For the simulator; the server only writes TwiML. */

import { XMLParser, XMLValidator } from "fast-xml-parser"
import { AppError } from "../lib/errors.ts"

export type TwimlVerb = {
  name: string
  attributes: Record<string, string>
  /** Text of this element alone, without that of its children; trimmed. */
  text: string
  /** In the order of the document. */
  children: TwimlVerb[]
}

const MAX_CHARACTERS = 65_536
const MAX_DEPTH = 16
const MAX_ELEMENTS = 1000

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
})

/**
 * The verbs of `<Response>`, in order. Throws `AppError` INVALID_REQUEST for anything that is not one well-formed
 * `<Response>` of at most 65,536 characters, 1,000 elements and 16 levels, and for a document type declaration.
 */
export function parseTwiml(xml: string): TwimlVerb[] {
  if (xml.length > MAX_CHARACTERS) throw invalid(`has more than ${MAX_CHARACTERS} characters`)
  if (/<!DOCTYPE/i.test(xml)) throw invalid("has a document type declaration")
  const outcome = XMLValidator.validate(xml.trim())
  if (outcome !== true) throw invalid(`is not well-formed: ${outcome.err.msg} (line ${outcome.err.line})`)
  const [root, ...others] = verbsOf(parse(xml.trim()), { depth: 0, elements: 0 })
  if (!root || others.length > 0 || root.name !== "Response") throw invalid("must be one <Response>")
  return root.children
}

/** An element as the parser gives it: its name is the key of its children, `#text` the key of a text. */
type ParsedNode = { ":@"?: Record<string, string>; [name: string]: unknown }

function parse(xml: string): unknown {
  try {
    return parser.parse(xml)
  } catch (error) {
    throw invalid("is not well-formed", error)
  }
}

function verbsOf(nodes: unknown, count: { depth: number; elements: number }): TwimlVerb[] {
  if (count.depth > MAX_DEPTH) throw invalid(`has more than ${MAX_DEPTH} levels`)
  const verbs: TwimlVerb[] = []
  for (const { ":@": attributes = {}, ...node } of asNodes(nodes)) {
    for (const [name, content] of Object.entries(node)) {
      if (name === "#text") continue
      count.elements += 1
      if (count.elements > MAX_ELEMENTS) throw invalid(`has more than ${MAX_ELEMENTS} elements`)
      count.depth += 1
      const children = verbsOf(content, count)
      count.depth -= 1
      verbs.push({ name, attributes: { ...attributes }, text: textOf(content), children })
    }
  }
  return verbs
}

function textOf(content: unknown): string {
  return asNodes(content)
    .map((node) => (typeof node["#text"] === "string" ? node["#text"] : ""))
    .join("")
    .trim()
}

/** The parser's result has no type; with `preserveOrder` every list in it is a list of such nodes. */
function asNodes(nodes: unknown): ParsedNode[] {
  return Array.isArray(nodes) ? (nodes as ParsedNode[]) : []
}

function invalid(fault: string, cause?: unknown): AppError {
  return new AppError("INVALID_REQUEST", `TwiML ${fault}`, { cause })
}
