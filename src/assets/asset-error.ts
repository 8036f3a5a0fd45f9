/** Faults of assets, reported all at once. */

export type AssetFault = {
  file: string
  /** Counted from 1. */
  line?: number | undefined
  /** The field, as in `agents.sales.engine`. */
  path?: string | undefined
  message: string
}

export class AssetError extends Error {
  readonly faults: readonly AssetFault[]

  constructor(faults: readonly AssetFault[]) {
    super(`The assets cannot be used:\n${faults.map((fault) => `  ${describeFault(fault)}`).join("\n")}`)
    this.name = "AssetError"
    this.faults = faults
  }
}

/** `serverConfig.json:12 agents.sales.engine: must be relay` */
export function describeFault({ file, line, path, message }: AssetFault): string {
  return `${file}${line === undefined ? "" : `:${line}`}${path ? ` ${path}` : ""}: ${message}`
}
