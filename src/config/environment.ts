/** The variables that the process was started with. Imports nothing: it is needed before anything else is loaded. */

export const startEnvironment: Readonly<Record<string, string | undefined>> = process.env
