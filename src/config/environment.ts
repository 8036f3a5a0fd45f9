/** The variables that the process was started with. Imports nothing, because it loads before anything else. */

export const startEnvironment: Readonly<Record<string, string | undefined>> = process.env
