/** The floor of start-up: the same stack with nothing in it. Ends on request. */

import { Hono } from "hono"

const app = new Hono().get("/health", (c) => c.json({ status: "healthy" }))

Bun.serve({ port: Number(process.env["PORT"]), fetch: app.fetch })
