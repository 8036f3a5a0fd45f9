/** Counts in the text form of Prometheus. Loaded on the first request that asks for it. */

import { Gauge, Registry, collectDefaultMetrics } from "prom-client"

const registry = new Registry()
const gauges = new Map<string, Gauge>()
collectDefaultMetrics({ register: registry })

/** Each count becomes a gauge `parley_<name in snake case>`. */
export async function prometheusText(
  counts: Record<string, number>,
): Promise<{ contentType: string; text: string }> {
  for (const [name, value] of Object.entries(counts)) {
    const gauge = gauges.get(name) ?? gaugeFor(name)
    gauge.set(value)
  }
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function gaugeFor(name: string): Gauge {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()
  const gauge = new Gauge({
    name: `parley_${words.replaceAll(" ", "_")}`,
    help: `${words} now`,
    registers: [registry],
  })
  gauges.set(name, gauge)
  return gauge
}
