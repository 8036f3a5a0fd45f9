/** `/openapi.json` and `/docs`: the API description for programs and for people. Built once, on the first request for it. */

import { Hono } from "hono"
import type { RouterRoute } from "hono/types"
import type { Env, ServerContext } from "../context.ts"
import type { ApiDocument } from "./document-types.ts"

/** `routes`: those of the whole app, read when the description is built. */
export function apiDescriptionRoutes(
  { control }: ServerContext,
  routes: () => readonly RouterRoute[],
): Hono<Env> {
  const app = new Hono<Env>()
  const document = once(async (): Promise<ApiDocument> => {
    const { openApiDocument } = await import("./document.ts")
    return openApiDocument(routes(), control.publicUrl())
  })
  const json = once(async () => JSON.stringify(await document()))
  const page = once(async () => {
    const { apiPage, PAGE_POLICY } = await import("./page.ts")
    return { text: String(await apiPage(await document())), policy: PAGE_POLICY }
  })

  app.get("/openapi.json", async (c) => c.body(await json(), 200, { "Content-Type": "application/json" }))

  app.get("/docs", async (c) => {
    const { text, policy } = await page()
    return c.html(text, 200, { "Content-Security-Policy": policy })
  })

  return app
}

/** Runs `build` on the first call and returns its result on every call. */
function once<T>(build: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => (result ??= build())
}
