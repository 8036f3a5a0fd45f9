/** Numbers of many measurements in few, and tables of them in Markdown. Pure. */

export type Table = { title: string; head: readonly string[]; rows: readonly (readonly string[])[] }

/** The value below which the share `p` (0 to 1) of the samples lies. NaN without samples. */
export function quantile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** `p50 / p99`, or a dash where nothing was measured. */
export function spread(samples: readonly number[], digits = 2): string {
  return samples.length === 0 ? "–" : [0.5, 0.99].map((p) => fixed(quantile(samples, p), digits)).join(" / ")
}

export function fixed(value: number, digits = 1): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–"
}

export function markdown({ title, head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  return [`### ${title}`, "", line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n")
}
