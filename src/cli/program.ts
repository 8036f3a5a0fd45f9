/** The command line: commands, options, help, and the exit code of each. */

import { Command, CommanderError, InvalidArgumentError, Option } from "commander"
import { AVAILABLE_ENGINES, type AvailableEngine } from "../call/engine.ts"
import {
  ConfigError,
  environment,
  environmentRemarks,
  readConfig,
  variablesInForce,
  type Config,
} from "../config/config.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import { configureLog, getLog } from "../lib/log.ts"
import { VERSION } from "../version.ts"

type ServeArguments = { port?: number; replace: boolean; simulate: boolean }

type CallArguments = {
  from: string
  to: string
  speed: number
  engine: AvailableEngine
  wav?: string[]
  record?: string
  menu?: string
}

/** Runs the command of `args`. Resolves to the exit code; undefined while a server keeps running. */
export async function runProgram(args: readonly string[]): Promise<number | undefined> {
  let exitCode: number | undefined = 0
  // A pipe or a terminal that was closed takes nothing any more; the command ends as usual.
  process.stdout.on("error", () => {})
  const program = new Command("parley")
    .description("A phone-agent server for Twilio in one binary.")
    .version(VERSION, "-v, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .showHelpAfterError("(parley --help lists commands and options)")
    .exitOverride()
    .addHelpText(
      "after",
      "\nSettings come from the environment or a file .env in this folder; `parley check` shows what is set.\n",
    )

  program
    .command("serve", { isDefault: true })
    .description("answer webhooks, sockets and the REST API")
    .option("-p, --port <number>", "listen here instead of PORT", portNumber)
    .option("--replace", "take the place of the Parley that serves this port: listen, then stop it", false)
    .option("--simulate", "with a simulated Twilio account: calls and numbers work without a real one", false)
    .action(async ({ port, replace, simulate }: ServeArguments) => {
      if (simulate) {
        const { serveSimulated } = await import("./serve-simulated.ts")
        await serveSimulated(configured(port === undefined ? {} : { PORT: String(port) }))
        exitCode = undefined
        return
      }
      const config = await configuredWithKey(port === undefined ? {} : { PORT: String(port) })
      const { serveUntilStopped } = await import("./serve-until-stopped.ts")
      await serveUntilStopped({ config, replace })
      exitCode = undefined
    })

  program
    .command("key")
    .description("print an API key of the server that runs with these settings")
    .action(async () => {
      const { keyInForce } = await import("./api-key-file.ts")
      print(keyInForce(configured({}, "error")))
    })

  program
    .command("licenses")
    .description("print the licenses of parts that are not Parley's own")
    .action(async () => {
      const { default: notices } = await import("../../THIRD_PARTY_NOTICES.txt", { with: { type: "text" } })
      print(notices)
    })

  program
    .command("demo")
    .description("play one scripted call against a temporary server: no account, no network")
    .addOption(engineOption("engine of the call").default("relay"))
    .option("--speed <factor>", "speed relative to real time, at most 8", speedFactor, 3)
    .option(
      "--record <file>",
      "with realtime and pipeline: record the audio to this WAV, caller left, agent right",
    )
    .action(async (options: { engine: AvailableEngine; speed: number; record?: string }) => {
      if (options.engine === "relay" && options.record !== undefined) {
        throw new AppError(
          "INVALID_REQUEST",
          "--record needs --engine realtime or pipeline: relay has no audio",
        )
      }
      const { demo } = await import("./demo.ts")
      exitCode = await demo({ ...options, print })
    })

  program
    .command("call")
    .description("talk to your agent in the terminal, as the caller")
    .option("--from <number>", "the caller's number", "+15550100001")
    .option("--to <number>", "the number called; it chooses the agent", "+15550100002")
    .option(
      "--speed <factor>",
      "speed of the agent's speech relative to real time, at most 8",
      speedFactor,
      1,
    )
    .addOption(engineOption("engine of the call; realtime plays the files of --wav").default("relay"))
    .option("--menu <key>", "begin with this menu: type keys, or what the caller says")
    .option("--wav <file>", "with realtime: what the caller says; repeatable", appended)
    .option("--record <file>", "with realtime: record the audio to this WAV, caller left, agent right")
    .action(async ({ engine, wav: wavs = [], record, ...options }: CallArguments) => {
      const config = configured({}, "error")
      if (engine === "realtime") {
        const { callWithAudio } = await import("./call-with-audio.ts")
        exitCode = await callWithAudio(config, { ...options, wavs, record, print })
        return
      }
      if (wavs.length > 0 || record !== undefined) {
        throw new AppError("INVALID_REQUEST", "--wav and --record are for calls with --engine realtime")
      }
      const { call } = await import("./call-in-terminal.ts")
      exitCode = await call(config, { ...options, print })
    })

  program
    .command("check")
    .description("show what is configured, what is missing and how to fix it")
    .option("--env", "also list every variable with its value; secrets are not shown")
    .option("--offline", "ask neither Twilio nor the model nor PUBLIC_URL", false)
    .option("--strict", "exit with 1 for warnings and for what is not ready for real calls", false)
    .action(async ({ env, ...options }: { env?: boolean; offline: boolean; strict: boolean }) => {
      const config = configured({}, "error")
      const { check, listVariables } = await import("./check.ts")
      exitCode = await check(config, { ...options, print })
      if (env) listVariables(variablesInForce(environment), print)
    })

  program
    .command("migrate")
    .description("bring the database up to date without serving")
    .action(async () => {
      const config = configured()
      const { migrate } = await import("./migrate.ts")
      exitCode = await migrate(config, print)
    })

  program
    .command("upload")
    .description("store contexts (.md), tool manifests and menus (.json) for the server")
    .argument("[files...]", "files of any path; the key is the name without its ending")
    .option("--sync", "to Twilio Sync, whatever serverConfig.json says", false)
    .action(async (files: string[], { sync }: { sync: boolean }) => {
      const { upload } = await import("./upload.ts")
      const fail = (line: string) => void process.stderr.write(`${line}\n`)
      exitCode = await upload(() => configured({}, "error"), { files, sync, print, fail })
    })

  const numbers = program
    .command("numbers")
    .description("list the account's phone numbers and their agents; numbers point routes one to this server")
    .action(async () => {
      const config = configured({}, "error")
      exitCode = await (await import("./numbers-command.ts")).numbers(config, print)
    })
  numbers
    .command("point")
    .description("route calls to a number to this server: sets its webhook addresses at Twilio")
    .argument("<number>", "one of the account's numbers")
    .option("--agent <key>", "the agent that answers it from now on")
    .action(async (number: string, { agent }: { agent?: string }) => {
      const config = configured({}, "error")
      const { pointNumber } = await import("./numbers-command.ts")
      exitCode = await pointNumber(config, { number, agent, print })
    })

  try {
    const [first = ""] = args
    // Otherwise the default command would report an unexpected argument.
    if (
      /^[a-z]/i.test(first) &&
      ![...program.commands.map((command) => command.name()), "help"].includes(first)
    ) {
      program.error(`error: unknown command '${first}'`)
    }
    await program.parseAsync([...args], { from: "user" })
    return exitCode
  } catch (error) {
    return failed(error)
  }
}

/** Reads the configuration from the environment and sets up the log. */
function configured(overrides: Record<string, string> = {}, level?: "error"): Config {
  const config = readConfig({ ...environment, ...overrides }, environmentRemarks)
  configureLog({ level: level ?? config.logLevel, format: config.logFormat, secrets: config.secrets })
  return config
}

/** The same with a generated API key where the server needs one. A new key is shown once, on standard error. */
async function configuredWithKey(overrides: Record<string, string>): Promise<Config> {
  const { withGeneratedKey } = await import("./api-key-file.ts")
  const { config, generated } = withGeneratedKey(configured(overrides))
  if (!generated) return config
  const { key, file, isNew } = generated
  configureLog({ level: config.logLevel, format: config.logFormat, secrets: config.secrets })
  if (isNew) {
    process.stderr.write(
      `parley: Others can reach this server and API_KEYS is not set, so an API key was generated. It is kept in ${file}\n` +
        `and shown only now; \`parley key\` prints it again:\n\n    ${key}\n\n`,
    )
  }
  return config
}

function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode
  // Faults that the user can fix are one sentence; anything else is logged with its stack.
  if (error instanceof ConfigError || error instanceof AppError)
    process.stderr.write(`parley: ${error.message}\n`)
  else if (error instanceof Error && error.name === "AssetError")
    process.stderr.write(`parley: ${error.message}\n`)
  else {
    process.stderr.write(`parley: ${messageOf(error)}\n`)
    getLog("cli").error("command failed", { stack: error instanceof Error ? error.stack : undefined })
  }
  return 1
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError("a port is a whole number from 0 to 65535")
  }
  return port
}

function engineOption(description: string): Option {
  return new Option("--engine <engine>", description).choices(AVAILABLE_ENGINES)
}

function appended(text: string, before: string[] = []): string[] {
  return [...before, text]
}

/** At a higher speed the server's playout estimates lag behind. */
const MAX_SPEED = 8

function speedFactor(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= MAX_SPEED))
    throw new InvalidArgumentError(`a number above 0, at most ${MAX_SPEED}`)
  return value
}
