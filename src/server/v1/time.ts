/** Times in the API. */

/** Milliseconds since the epoch as an ISO 8601 time in UTC. */
export function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
