#!/usr/bin/env bun
/** Entry of the program: argv becomes a command. The only place that ends the process. */

import { withRaisedFetchLimit } from "./cli/fetch-limit.ts"

// Before anything else is loaded: the limit of simultaneous requests can only be set at the start of a process.
withRaisedFetchLimit()

const { runProgram } = await import("./cli/program.ts")
const exitCode = await runProgram(process.argv.slice(2))
if (exitCode !== undefined) process.exit(exitCode)
