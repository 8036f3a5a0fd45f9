#!/usr/bin/env bun
/** Entry of the program: argv becomes a command. The only place that ends the process. */

import { withEnvFile } from "./config/env-file.ts"
import { startEnvironment } from "./config/environment.ts"
import { withRuntimeSettings } from "./cli/runtime-settings.ts"
import { isSupervised } from "./cli/supervisor/is-supervised.ts"

// Database, transcripts and keys are for their owner alone.
process.umask(0o077)

const args = process.argv.slice(2)
if (isSupervised(args, withEnvFile(startEnvironment, process.cwd()))) {
  const { supervise } = await import("./cli/supervisor/supervise.ts")
  const exitCode = await supervise(args)
  if (exitCode !== undefined) process.exit(exitCode)
}

// Before anything else is loaded, since it restarts the program.
withRuntimeSettings()

const { runProgram } = await import("./cli/program.ts")
const exitCode = await runProgram(args)
if (exitCode !== undefined) process.exit(exitCode)
