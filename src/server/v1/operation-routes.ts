/** Health, load and metrics of the server, and the line at its root. */

import { Hono } from "hono"
import { VERSION } from "../../version.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { openApiDocument } from "./openapi.ts"
import { isDirectLoopback, authOf, unauthorized } from "../auth.ts"

export function operationRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control, liveCalls, config } = context

  app.get("/", (c) => {
    const accept = c.req.header("accept") ?? ""
    if (accept.includes("application/json")) {
      return c.json({ message: "Server is running", service: "parley", version: VERSION })
    }
    const line = config.namedCompat.includes("s2") ? "WebSocket Server Running" : "Parley is running"
    // Without a status Hono leaves the content type of a text to Bun, which drops it.
    return c.text(`${line} (parley ${VERSION})\n`, 200)
  })

  app.get("/health", (c) => {
    const draining = control.draining()
    return c.json(
      {
        status: draining ? "draining" : "healthy",
        timestamp: new Date(control.sweep.clock.now()).toISOString(),
        state: draining ? "DRAINING" : "UP",
        service: "parley",
        version: VERSION,
        uptimeSeconds: uptimeOf(context),
        liveCalls: liveCalls.size,
      },
      draining ? 503 : 200,
    )
  })

  app.get("/metrics", async (c) => {
    if (!isDirectLoopback(config, c.env.origin) && !authOf(config, c)) throw unauthorized(config, c)
    if (wantsPrometheus(c)) {
      const { prometheusText } = await import("../metrics.ts")
      const { contentType, text } = await prometheusText({
        ...countsOf(context),
        uptimeSeconds: uptimeOf(context),
      })
      return c.body(text, 200, { "Content-Type": contentType })
    }
    const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
    return c.json({
      activeSessions: liveCalls.size,
      uptime: uptimeOf(context),
      memory: { rss, heapTotal, heapUsed, external, arrayBuffers },
      counts: countsOf(context),
    })
  })

  app.get("/openapi.json", (c) => c.json(openApiDocument(control.publicUrl())))

  return app
}

function countsOf({ counts, liveCalls }: ServerContext): Record<string, number> {
  return { activeSessions: liveCalls.size, ...counts() }
}

/** Whole seconds since the server began to serve. */
function uptimeOf({ startedAt, control }: ServerContext): number {
  return Math.floor((control.sweep.clock.now() - startedAt) / 1000)
}

function wantsPrometheus(c: RequestContext): boolean {
  const format = c.req.query("format")
  if (format !== undefined) return format === "prometheus"
  return /text\/plain|openmetrics/.test(c.req.header("accept") ?? "")
}
