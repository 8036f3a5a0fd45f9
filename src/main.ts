#!/usr/bin/env bun
/** Entry of the program: argv becomes a command. The only place that ends the process. */

import { withRuntimeSettings } from "./cli/runtime-settings.ts"

// Before anything else is loaded, since it starts the process anew.
withRuntimeSettings()

const { runProgram } = await import("./cli/program.ts")
const exitCode = await runProgram(process.argv.slice(2))
if (exitCode !== undefined) process.exit(exitCode)
