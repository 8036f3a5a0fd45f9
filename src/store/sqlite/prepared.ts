/** Statements that are built and compiled once, when they are first run. */

/** Every call runs these statements. Building one costs more than running it, and `bun:sqlite` keeps only 20 compiled. */
export function prepared<Statement>(build: () => Statement): () => Statement {
  let statement: Statement | undefined
  return () => (statement ??= build())
}
