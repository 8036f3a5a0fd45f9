/** One operation of the API description as HTML: command, parameters, body, and responses. */

import { html } from "hono/html"
import type {
  ApiDocument,
  ContentObject,
  HeaderObject,
  MediaTypeObject,
  OperationObject,
  Reference,
  ResponseObject,
} from "./document-types.ts"
import { fieldList, noteOf, prose, typeOf, type Html } from "./page-schema.ts"

export type NamedOperation = { method: string; path: string; operation: OperationObject }

export function operationDetails({ method, path, operation }: NamedOperation, document: ApiDocument): Html {
  const { operationId, summary, description, parameters, requestBody, responses, security } = operation
  const text = [method, path, operationId, summary, ...operation.tags].join(" ").toLowerCase()
  return html`<details id="${operationId}" data-text="${text}">
    <summary>
      <span class="method">${method}</span> <code>${path}</code> <span class="quiet">${summary}</span>
    </summary>
    ${description === undefined ? "" : html`<p>${prose(description)}</p>`}
    ${security === undefined ? "" : html`<p class="quiet">Needs no key.</p>`}
    <pre>${curlOf({ method, path, operation }, document)}</pre>
    ${
      parameters.length === 0
        ? ""
        : html`<h3>Parameters</h3>
            <dl>
              ${parameters.map(
                (parameter) =>
                  html`<dt>
                      <code>${parameter.name}</code>
                      <span class="quiet"
                        >${typeOf(parameter.schema)}, in
                        ${parameter.in}${parameter.required ? ", required" : ""}</span
                      >
                    </dt>
                    <dd>
                      ${prose(parameter.description)} <span class="quiet">${noteOf(parameter.schema)}</span>
                    </dd>`,
              )}
            </dl>`
    }
    ${
      requestBody === undefined
        ? ""
        : html`<h3>Body</h3>
            ${contentDetails(requestBody.content)}`
    }
    <h3>Responses</h3>
    ${Object.entries(responses).map(([status, response]) => responseDetails(status, response, document))}
  </details>`
}

function responseDetails(
  status: string,
  response: ResponseObject | Reference,
  { components }: ApiDocument,
): Html {
  const resolved = "$ref" in response ? components.responses[nameIn(response)] : response
  if (!resolved) return html`<p>${status}</p>`
  const headers = Object.entries(resolved.headers).flatMap(([name, header]) => {
    const described: HeaderObject | undefined = "$ref" in header ? components.headers[nameIn(header)] : header
    return described ? [[name, described.description] as const] : []
  })
  return html`<details>
    <summary><code>${status}</code> <span class="quiet">${prose(resolved.description)}</span></summary>
    <dl>
      ${headers.map(
        ([name, description]) =>
          html`<dt><code>${name}</code> <span class="quiet">header</span></dt>
            <dd>${prose(description)}</dd>`,
      )}
    </dl>
    ${contentDetails(resolved.content)}
  </details>`
}

function contentDetails(content: ContentObject): Html {
  return html`${Object.entries(content).map(
    ([type, media]) =>
      html`<p><code>${type}</code> <span class="quiet">${typeOf(media.schema)}</span></p>
        ${fieldList(media.schema)} ${examplesIn(media).map((example) => html`<pre>${shown(example)}</pre>`)}`,
  )}`
}

/** A command for a shell. `$KEY` stands for the key. */
function curlOf({ method, path, operation }: NamedOperation, { servers }: ApiDocument): string {
  const { parameters, requestBody, security } = operation
  const filled = path.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const example = parameters.find((parameter) => parameter.name === name)?.example
    return typeof example === "string" ? example : whole
  })
  const json = requestBody?.content["application/json"]
  return [
    `curl${method === "GET" ? "" : ` -X ${method}`} "${servers[0]?.url ?? ""}${filled}"`,
    ...(security === undefined ? ['-H "Authorization: Bearer $KEY"'] : []),
    ...(json
      ? ['-H "Content-Type: application/json"', `-d ${quoted(JSON.stringify(examplesIn(json)[0]))}`]
      : []),
  ].join(" \\\n  ")
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function examplesIn({ example, examples = {} }: MediaTypeObject): unknown[] {
  return [...(example === undefined ? [] : [example]), ...Object.values(examples).map(({ value }) => value)]
}

function shown(example: unknown): string {
  return typeof example === "string" ? example : JSON.stringify(example, null, 2)
}

function nameIn({ $ref }: Reference): string {
  return $ref.slice($ref.lastIndexOf("/") + 1)
}
