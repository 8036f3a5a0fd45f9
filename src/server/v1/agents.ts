/** `/v1/agents`: the agents in force, and the numbers that each answers. They are changed through `/v1/config`. */

import { Hono } from "hono"
import { z } from "zod"
import { AVAILABLE_ENGINES } from "../../call/engine.ts"
import type { Env, ServerContext } from "../context.ts"
import { named, operation, withExamples } from "../openapi/operation.ts"

const AGENT = {
  key: "default",
  engine: "relay",
  contextKey: "defaultContext",
  manifestKey: "defaultToolManifest",
  greeting: "Hello there! How can I assist you today?",
  numbers: ["+15550100002"],
}

const AgentView = named(
  "Agent",
  z.object({
    key: z.string(),
    engine: z.string().describe(`One of ${AVAILABLE_ENGINES.join(", ")}`),
    contextKey: z.string(),
    manifestKey: z.string(),
    greeting: z.string(),
    numbers: z.array(z.string()).describe("Numbers whose calls it answers, in E.164 form"),
  }),
  AGENT,
)

const AgentList = withExamples(z.object({ agents: z.array(AgentView) }), { agents: [AGENT] })

export function agentRoutes({ control, library }: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { assets } = control

  app.get(
    "/v1/agents",
    operation({
      id: "listAgents",
      tag: "Configuration",
      summary: "List the agents and the numbers that they answer",
      responses: { 200: { description: "The agents, by key", schema: AgentList } },
    }),
    async (c) => {
      await assets.refresh()
      const numbers = Object.entries(Numbers.parse(library.config()["numbers"]))
      const agents = assets.keys().agents.map((key) => {
        const { engine, context, manifest, greeting } = assets.agentFor({ agent: key })
        return {
          key,
          engine,
          contextKey: context.key,
          manifestKey: manifest.key,
          greeting,
          numbers: numbers.filter(([, agent]) => agent === key).map(([number]) => number),
        }
      })
      return c.json({ agents })
    },
  )

  return app
}

const Numbers = z.record(z.string(), z.string()).catch({})
