/** Contexts, manifests and menus in the description of the API, and the form of their content. */

import { z } from "zod"
import { MAX_CONTEXT_CHARACTERS } from "../../assets/asset-text.ts"
import { jsonObject } from "./asset-body.ts"
import { source, version } from "./asset-schemas.ts"
import { named, withExamples, type BodySpec } from "../openapi/operation.ts"

export type KeyedKind = "context" | "manifest" | "menu"

const field = { key: z.string(), version, source }
const CONTEXT = { key: "sales", version: "70532650c07f", source: "file" as const }
const CONTEXT_TEXT = { text: "# Objective\n\nYou sell for {company}. The caller is {firstname}.\n" }
const MANIFEST = { key: "shortTools", version: "9c608ae8e71a", source: "api" as const }
const MANIFEST_TOOLS = {
  tools: [{ type: "function" as const, name: "end-call", description: "Ends the call. Say goodbye first." }],
}

const MENU = { key: "reception", version: "5d1f0a52c3e4", source: "api" as const }
const MENU_CONTENT = {
  start: "welcome",
  steps: {
    welcome: {
      kind: "choice",
      say: "For sales, press 1 or say sales. To leave a message, press 2 or say message.",
      choices: [
        { key: "1", words: ["sales"], then: { agent: "sales" } },
        { key: "2", words: ["message"], then: "message" },
      ],
    },
    message: {
      kind: "message",
      say: "Please leave a message after the tone.",
      then: { say: "Thank you. Goodbye.", hangUp: true },
    },
  },
}

export const AssetView = named("Asset", z.object(field), CONTEXT)

export const DeletedAsset = withExamples(
  z.object({
    deleted: z.literal(true),
    inForce: AssetView.nullable().describe("The asset of a lower layer that is used from now on"),
  }),
  { deleted: true, inForce: null },
)

export const ContextBody = named(
  "ContextBody",
  z.strictObject({ text: z.string().describe(`Markdown of at most ${MAX_CONTEXT_CHARACTERS} characters`) }),
  CONTEXT_TEXT,
)

const ManifestBody = named(
  "ManifestBody",
  z.strictObject({
    tools: z
      .array(z.union([z.string(), z.looseObject({ type: z.literal("function").optional() })]))
      .max(128)
      .describe("Names of built-in tools, and function tools in either of OpenAI's two shapes"),
  }),
  MANIFEST_TOOLS,
)

const MenuBody = named(
  "MenuBody",
  z.looseObject({
    start: z.string().describe("The first step"),
    steps: z.record(z.string(), z.looseObject({ kind: z.string() })).describe("Steps by their keys"),
  }),
  MENU_CONTENT,
)

type KindSchemas = { list: z.ZodType; view: z.ZodType; version: z.ZodType; body: BodySpec }

export const SCHEMAS: Readonly<Record<KeyedKind, KindSchemas>> = {
  context: {
    list: withExamples(z.object({ contexts: z.array(AssetView) }), { contexts: [CONTEXT] }),
    view: named("Context", z.object({ ...field, text: z.string() }), { ...CONTEXT, ...CONTEXT_TEXT }),
    version: withExamples(z.object({ key: z.string(), version, text: z.string() }), {
      key: CONTEXT.key,
      version: CONTEXT.version,
      ...CONTEXT_TEXT,
    }),
    body: { schema: ContextBody, texts: { "text/markdown": CONTEXT_TEXT.text } },
  },
  manifest: {
    list: withExamples(z.object({ manifests: z.array(AssetView) }), { manifests: [MANIFEST] }),
    view: named("Manifest", z.object({ ...field, tools: z.array(z.unknown()) }), {
      ...MANIFEST,
      ...MANIFEST_TOOLS,
    }),
    version: withExamples(z.object({ key: z.string(), version, tools: z.array(z.unknown()) }), {
      key: MANIFEST.key,
      version: MANIFEST.version,
      ...MANIFEST_TOOLS,
    }),
    body: { schema: ManifestBody },
  },
  menu: {
    list: withExamples(z.object({ menus: z.array(AssetView) }), { menus: [MENU] }),
    view: named("Menu", z.object({ ...field, menu: MenuBody }), { ...MENU, menu: MENU_CONTENT }),
    version: withExamples(z.object({ key: z.string(), version, menu: MenuBody }), {
      key: MENU.key,
      version: MENU.version,
      menu: MENU_CONTENT,
    }),
    body: { schema: MenuBody },
  },
}

/** How a kind is named in the description of the API, and how its content is shown. */
export const KINDS = {
  context: { tag: "Contexts", id: "Context", example: CONTEXT.key, content: (text: string) => ({ text }) },
  manifest: {
    tag: "Manifests",
    id: "Manifest",
    example: MANIFEST.key,
    content: (text: string) => ({ tools: jsonObject(text)["tools"] }),
  },
  menu: {
    tag: "Menus",
    id: "Menu",
    example: MENU.key,
    content: (text: string) => ({ menu: jsonObject(text) }),
  },
} as const
