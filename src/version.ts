/** The version of the program, from the one place that names it. */

import packageJson from "../package.json" with { type: "json" }

export const VERSION: string = packageJson.version
