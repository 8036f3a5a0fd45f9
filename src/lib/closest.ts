/** The name that a misspelled one was meant to be. Pure. */

/**
 * The known name nearest to `given`: at most a third of its characters differ, or one of at least two words is missing, as
 * in `OPENAI_KEY`. Letter case does not count. `most` limits the characters that differ.
 */
export function closest(
  given: string,
  known: readonly string[],
  { most = Number.POSITIVE_INFINITY }: { most?: number } = {},
): string | undefined {
  let best: string | undefined
  let least = Math.min(most, Math.floor(given.length / 3)) + 1
  for (const name of known) {
    if (lacksOneWord(given, name)) return name
    const distance = editDistance(given.toLowerCase(), name.toLowerCase(), least)
    if (distance >= least) continue
    least = distance
    best = name
  }
  return best
}

function lacksOneWord(given: string, name: string): boolean {
  if (name.length < given.length + 2) return false
  const [few, all] = [given.toLowerCase().split(/[_-]/), name.toLowerCase().split(/[_-]/)]
  if (few.length < 2 || all.length !== few.length + 1) return false
  return all.some((_, index) => Bun.deepEquals(all.toSpliced(index, 1), few))
}

/** Characters to insert, delete, replace or swap with their neighbor (Damerau-Levenshtein); `limit` or more counts as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      line.push(
        Math.min(
          (above[column] ?? 0) + 1,
          (line[column - 1] ?? 0) + 1,
          (above[column - 1] ?? 0) + cost,
          swapped && row > 1 && column > 1 ? (before[column - 2] ?? 0) + 1 : limit,
        ),
      )
    }
    // Every later value is at least one of these, or one of the row before and a swap.
    if (Math.min(...line) >= limit && Math.min(...above) >= limit - 1) return limit
    before = above
    above = line
  }
  return above[b.length] ?? limit
}
