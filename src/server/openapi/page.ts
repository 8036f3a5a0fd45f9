/** `/docs`: the API description as one page, with its style and script inside, so that it works offline. */

import { createHash } from "node:crypto"
import { html, raw } from "hono/html"
import type { ApiDocument } from "./document-types.ts"
import css from "./page.css" with { type: "text" }
import { operationDetails } from "./page-operation.ts"
import { fieldList, noteOf, prose, typeOf, type Html } from "./page-schema.ts"

/** Hides operations that do not contain every word of the filter. */
const SCRIPT = `
const filter = document.querySelector("#filter")
filter.hidden = false
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\\s+/)
  for (const section of document.querySelectorAll("section[data-tag]")) {
    const operations = [...section.querySelectorAll("details[data-text]")]
    for (const operation of operations) {
      operation.hidden = !words.every((word) => operation.dataset.text.includes(word))
    }
    section.hidden = operations.every((operation) => operation.hidden)
  }
})
const openTarget = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (target instanceof HTMLDetailsElement) target.open = true
}
addEventListener("hashchange", openTarget)
openTarget()
`

/** Value of `Content-Security-Policy`: nothing but the style and the script of the page itself. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(css)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")

export function apiPage(document: ApiDocument): Html {
  const { info, tags, paths, servers, components } = document
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title} API</title>
        ${raw(`<style>${css}</style>`)}
      </head>
      <body>
        <header>
          <h1>${info.title} API</h1>
          <p class="quiet">
            ${info.description}. Version ${info.version}, at <code>${servers[0]?.url ?? ""}</code>. The same
            as <a href="openapi.json">OpenAPI 3.1</a>.
          </p>
          <p>
            Send a key of <code>API_KEYS</code> as <code>Authorization: Bearer &lt;key&gt;</code> or
            <code>X-Api-Key</code>.
          </p>
          <nav>
            ${tags.map(({ name }) => html`<a href="#tag-${slug(name)}">${name}</a>`)}
            <a href="#schemas">Schemas</a>
          </nav>
          <input
            id="filter"
            type="search"
            placeholder="Filter operations"
            aria-label="Filter operations"
            hidden
          />
        </header>
        <main>
          ${tags.map(
            ({ name, description }) =>
              html`<section data-tag id="tag-${slug(name)}">
                <h2>${name}</h2>
                <p class="quiet">${prose(description)}</p>
                ${operations
                  .filter(({ operation }) => operation.tags.includes(name))
                  .map((operation) => operationDetails(operation, document))}
              </section>`,
          )}
          <h2 id="schemas">Schemas</h2>
          ${Object.entries(components.schemas).map(
            ([name, schema]) =>
              html`<details id="schema-${name}">
                <summary><code>${name}</code></summary>
                <p>${noteOf(schema)}</p>
                <p class="quiet">${typeOf(schema)}</p>
                ${fieldList(schema)}
              </details>`,
          )}
        </main>
        ${raw(`<script>${SCRIPT}</script>`)}
      </body>
    </html>`
}

function slug(name: string): string {
  return name.toLowerCase().replaceAll(" ", "-")
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`
}
