/**
 * Options of zod for what is parsed at the start, or when a file changes: without them zod compiles a function for each
 * schema of an object before its first use, which takes longer than many such parses.
 */
export const PARSED_ONCE = { jitless: true } as const
