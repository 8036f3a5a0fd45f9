/** `/`, `/health` and `/metrics`: whether the server works, and how busy it is. */

import { Hono } from "hono"
import { z } from "zod"
import { isExposed } from "../../config/exposure.ts"
import type { StoreState } from "../../store/store.ts"
import { VERSION } from "../../version.ts"
import { authOf, isDirectLoopback, unauthorized } from "../auth.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { operation, query, withExamples } from "../openapi/operation.ts"

const Health = withExamples(
  z.looseObject({
    status: z.enum(["healthy", "degraded", "draining"]),
    timestamp: z.iso.datetime(),
    checks: z
      .object({ database: z.enum(["ok", "not-writable", "file-deleted", "file-replaced"]) })
      .describe(
        "`not-writable`: running calls are kept in memory until the database can be written. `file-deleted`, `file-replaced`: the next start will not find what is written now",
      ),
    liveCalls: z.number().int().describe("Conversations that are running"),
  }),
  {
    status: "healthy",
    timestamp: "2026-11-20T19:37:37.184Z",
    checks: { database: "ok" },
    state: "UP",
    service: "parley",
    version: "0.1.0",
    instance: "6f1c1f0e-8a55-4c0e-9d36-0c9b0a2d9b1e",
    uptimeSeconds: 5,
    liveCalls: 1,
  },
)

const Metrics = withExamples(
  z.looseObject({
    activeSessions: z.number(),
    uptime: z.number().describe("Seconds"),
    memory: z.record(z.string(), z.number()).describe("Bytes"),
  }),
  {
    activeSessions: 1,
    uptime: 5,
    memory: {
      rss: 95653888,
      heapTotal: 12840960,
      heapUsed: 15134749,
      external: 5583483,
      arrayBuffers: 1664,
    },
    counts: { activeSessions: 1, openSockets: 1, expectedSockets: 0, deadlines: 3 },
  },
)

const MetricsQuery = z.strictObject({
  format: z.string().optional().describe("`prometheus`: Prometheus text; any other value: JSON"),
})

const STATES = { healthy: "UP", degraded: "DEGRADED", draining: "DRAINING" } as const

export function serverStateRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control, liveCalls, config } = context
  // Distinguishes this process from another server at the same address.
  const instance = crypto.randomUUID()

  app.get("/", (c) => {
    const accept = c.req.header("accept") ?? ""
    if (accept.includes("application/json")) {
      return c.json({ message: "Server is running", service: "parley", version: VERSION })
    }
    const isBrowser = accept.includes("text/html")
    const { compat } = config
    // The greetings of two systems cannot both be kept.
    if (compat.includes("s0") && !compat.includes("s2") && !isBrowser) {
      return c.text("Hello World 👋, from Caller Assistant!!", 200)
    }
    const line = compat.includes("s2") && !isBrowser ? "WebSocket Server Running" : "Parley is running"
    // Without an explicit status Hono leaves the content type to Bun, which drops it.
    return c.text(`${line} (parley ${VERSION})\n`, 200)
  })

  app.get(
    "/health",
    operation({
      id: "getHealth",
      tag: "Server",
      summary: "Read whether the server accepts calls",
      responses: {
        200: { description: "The server accepts calls, also when `status` is `degraded`.", schema: Health },
        503: { description: "The server shuts down and accepts no new calls.", schema: Health },
      },
      open: true,
    }),
    (c) => {
      const draining = control.draining()
      const database = databaseCheck(control.store.state())
      const status = draining ? "draining" : database === "ok" ? "healthy" : "degraded"
      return c.json(
        {
          status,
          timestamp: new Date(control.sweep.clock.now()).toISOString(),
          checks: { database },
          state: STATES[status],
          service: "parley",
          version: VERSION,
          instance,
          uptimeSeconds: uptimeOf(context),
          liveCalls: liveCalls.size,
        },
        draining ? 503 : 200,
      )
    },
  )

  app.get(
    "/metrics",
    operation({
      id: "getMetrics",
      tag: "Server",
      summary: "Read how busy the server is",
      description:
        "Prometheus text with `Accept: text/plain` or `?format=prometheus`, otherwise JSON. Direct requests from " +
        "this machine need no key while the server has neither a public address nor a Twilio account.",
      responses: {
        200: {
          description: "The current counts",
          schema: Metrics,
          texts: { "text/plain": "# TYPE parley_active_sessions gauge\nparley_active_sessions 1\n" },
        },
      },
    }),
    async (c, next) => {
      const isLocal = servesMetricsLocally(config) && isDirectLoopback(config, c.env.origin)
      if (!isLocal && !authOf(config, c)) throw unauthorized(context, c)
      await next()
    },
    query(MetricsQuery),
    async (c) => {
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
    },
  )

  return app
}

/** A proxy or tunnel makes requests from outside look local, so a server that others can reach asks for a key. */
function servesMetricsLocally(config: ServerContext["config"]): boolean {
  return config.localApi === "open" || !isExposed(config)
}

function countsOf({ counts, liveCalls }: ServerContext): Record<string, number> {
  return { activeSessions: liveCalls.size, ...counts() }
}

function databaseCheck({ isWritable, file }: StoreState): z.infer<typeof Health>["checks"]["database"] {
  if (!isWritable) return "not-writable"
  return file === "ok" ? "ok" : `file-${file}`
}

/** Whole seconds since the server started to serve. */
function uptimeOf({ startedAt, control }: ServerContext): number {
  return Math.floor((control.sweep.clock.monotonic() - startedAt) / 1000)
}

function wantsPrometheus(c: RequestContext): boolean {
  const format = c.req.query("format")
  if (format !== undefined) return format === "prometheus"
  return /text\/plain|openmetrics/.test(c.req.header("accept") ?? "")
}
