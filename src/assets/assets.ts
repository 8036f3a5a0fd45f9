/** The assets of the program: embedded files below the files of a folder, below what is stored by the API or in Sync. */

import type { Engine } from "../call/engine.ts"
import { systemClock } from "../lib/clock.ts"
import { AppError } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import { Sequence } from "../lib/sequence.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Assets } from "./agent.ts"
import { agentIn, ivrMenuIn, menuIn, snapshotKeys } from "./agent-lookup.ts"
import { idOf } from "./asset-text.ts"
import {
  DocumentRefresh,
  googleContexts,
  type DocumentRepository,
  type DocumentSettings,
} from "./documents.ts"
import { FolderReload, readFolder, reportFaults, reportHidden, type ReloadReport } from "./folder-reload.ts"
import { createLibrary, type AssetLibrary, type AssetTarget } from "./library.ts"
import { loaderType } from "./load.ts"
import { NO_REPOSITORY, readStored, startingState } from "./starting-state.ts"
import type { AssetRepository, RemoteAssets, RevisionChange } from "./stored.ts"
import { SyncLayer } from "./sync-layer.ts"

export type AssetsOptions = {
  /** Folder of the user's files; it may be missing. */
  dir: string
  /** Checks for changes twice a second; without it only `reload` and `refresh` do, and Sync is not read. */
  sweep?: Sweep | undefined
  log: Log
  /** Names of the tools that a manifest may offer. */
  knownTools: readonly string[]
  /** Engines that an agent may choose. */
  engines?: readonly Engine[]
  /** Where stored assets are kept; without it they last as long as the process. */
  repository?: AssetRepository
  /** Twilio Sync; used where `AssetLoader.assetLoaderType` is `sync`. */
  remote?: RemoteAssets | undefined
  /** Documents that are contexts; fetched with a sweep, otherwise their last copies are used. */
  documents?: { settings: DocumentSettings; repository?: DocumentRepository | undefined } | undefined
  /** Whether calls are running. */
  busy?: () => boolean
}

export type LiveAssets = Assets & {
  /** Reading and changing for the API. */
  readonly library: AssetLibrary
  /** Reads the files again. Files with faults replace nothing: the assets stay as they were. */
  reload(): ReloadReport
  /** What of the files something stored hides, one sentence each. */
  hidden(): readonly string[]
  /** What is ignored or replaced, one sentence each. */
  warnings(): readonly string[]
  close(): void
  [Symbol.dispose](): void
}

const CHECK_EVERY_MS = 500

/** Reads all assets. Rejects with `AssetError` with every fault of the files at once; faulty stored ones are only logged. */
export async function createAssets({
  dir,
  sweep,
  log,
  knownTools,
  engines = ["relay"],
  repository = NO_REPOSITORY,
  remote,
  documents,
  busy = () => false,
}: AssetsOptions): Promise<LiveAssets> {
  const now = () => (sweep?.clock ?? systemClock).now()
  const { files, fingerprint } = readFolder(dir)
  const source = loaderType(files) === "sync" ? "sync" : "api"
  const stored = { repository, source, knownTools, log } as const
  // Read before the texts: a change in between is found by the next check.
  let revision = await repository.revision(source)
  const copies = (await documents?.repository?.all()) ?? []
  const state = await startingState({
    ...stored,
    files,
    engines,
    declared: googleContexts(documents?.settings.googleDocs ?? {}),
    documents: new Map(copies.flatMap(({ source: named, text }) => (text === null ? [] : [[named, text]]))),
  })
  reportHidden(state.snapshot, log)
  const folder = new FolderReload({ dir, state, fingerprint, log })
  const sync =
    source === "sync" && sweep && remote
      ? new SyncLayer({ state, repository, remote, sweep, log, busy })
      : undefined
  if (source === "sync" && sweep && !remote)
    log.warn("AssetLoader.assetLoaderType is sync, which needs Twilio credentials; the last copy is used")

  const fetched =
    documents?.repository && sweep
      ? new DocumentRefresh({ ...documents, repository: documents.repository, state, sweep, log })
      : undefined
  await fetched?.start()

  // Own changes and checks for changes of others take turns: a check must not bring back what a change has replaced.
  const sequence = new Sequence()
  let closed = false

  const database: AssetTarget = {
    source,
    async write({ kind, key, text }, version) {
      if (source === "sync") throw syncNotConfigured()
      noteOwn(await repository.put({ kind, key, text, version, source, at: now() }))
    },
    async remove({ kind, key }) {
      if (source === "sync") throw syncNotConfigured()
      noteOwn(await repository.remove({ kind, key, source, at: now() }))
    },
  }

  /** A change of another process since the last check is left to the next check. */
  function noteOwn({ before, after }: RevisionChange): void {
    if (before === revision) revision = after
  }

  /** Another process may have stored something. */
  async function checkRepository(): Promise<void> {
    if (source !== "api") return
    const found = await repository.revision(source)
    if (found === revision) return
    const texts = await readStored(stored)
    revision = found
    try {
      state.use({ stored: texts })
      log.info("stored assets were read again", snapshotKeys(state.snapshot))
    } catch (error) {
      reportFaults(error, log)
    }
  }

  async function check(): Promise<void> {
    try {
      await sequence.run(checkRepository)
    } catch (error) {
      if (!closed) log.warn("stored assets could not be read; the assets stay as they were", { error })
    }
  }

  async function refresh(): Promise<void> {
    if (source === "api") await check()
    else await sync?.refresh()
  }

  let isChecking = false
  const stopChecking = sweep?.every(CHECK_EVERY_MS, () => {
    folder.check()
    fetched?.check()
    if (isChecking) return
    isChecking = true
    log.background(
      "checking stored assets",
      check().finally(() => (isChecking = false)),
    )
  })
  const close = () => {
    closed = true
    stopChecking?.()
    fetched?.close()
    sync?.close()
  }
  return {
    agentFor: (choice) => agentIn(state.snapshot, choice),
    ivrMenuFor: (choice) => ivrMenuIn(state.snapshot, choice),
    menu: (key) => state.snapshot.menus.get(key),
    menuKeys: () => [...state.snapshot.menus.keys()].toSorted(),
    menuText: (key) => state.snapshot.entries.get(idOf({ kind: "menu", key }))?.text,
    menuFor: (choice) => menuIn(state.snapshot, choice),
    keys: () => snapshotKeys(state.snapshot),
    hidden: () => state.snapshot.hidden,
    warnings: () => state.snapshot.warnings,
    refresh,
    library: createLibrary({ state, repository, target: sync ?? database, sequence, log, now }),
    reload: () => folder.reload(),
    close,
    [Symbol.dispose]: close,
  }
}

function syncNotConfigured(): AppError {
  return new AppError(
    "NOT_CONFIGURED",
    "Assets are kept in Twilio Sync here, which needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
  )
}
