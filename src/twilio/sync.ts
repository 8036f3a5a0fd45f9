/** Contexts, manifests, menus and the configuration in Twilio Sync: one service with three maps and one document. */

import type { Log } from "../lib/log.ts"
import { createAsk, type TwilioSdkOptions } from "./sdk.ts"
import { TwilioRestError } from "./rest-error.ts"

export type SyncKind = "context" | "manifest" | "config" | "menu"
export type SyncPlace = { kind: SyncKind; key: string }
export type SyncEntry = SyncPlace & { revision: string; data: unknown }

/** Every method throws `TwilioRestError` for a request that failed, and `AppError` NOT_CONFIGURED without credentials. */
export interface TwilioSync {
  /** Everything, at most 500 entries of a kind. Service and maps are created where they are missing. */
  readAll(): Promise<SyncEntry[]>
  /** Writes one entry, and creates what is missing for it. Gives its revision. */
  write(entry: SyncPlace & { data: unknown }): Promise<string>
  /** Writes one entry if it still has this revision; null: if it is not there yet. Undefined when it is otherwise. */
  writeIf(entry: SyncPlace & { data: unknown }, revision: string | null): Promise<string | undefined>
  /** One that is not there is no error. */
  remove(place: SyncPlace): Promise<void>
}

export type TwilioSyncOptions = TwilioSdkOptions & { log: Log }

const SERVICE = "ConversationRelay"
const MAPS = { context: "Context", manifest: "ToolManifest", menu: "Menu" } as const
const DOCUMENT = "serverConfig"
/** (Twilio: "Sync REST API".) */
const PAGE_SIZE = 100
const MAX_ENTRIES = 500

export function createTwilioSync({ log, ...options }: TwilioSyncOptions): TwilioSync {
  const ask = createAsk(options)
  /** Maps that Twilio reported as full. */
  const crowded = new Set<string>()
  let service: Promise<string> | undefined

  /** The SID of the service. Looked for once; a service that has disappeared is looked for again. */
  function serviceSid(): Promise<string> {
    service ??= findOrCreateService().catch((error: unknown) => {
      service = undefined
      throw error
    })
    return service
  }

  async function findOrCreateService(): Promise<string> {
    const services = await ask("list the Sync services", async (client) =>
      allOf(await client.sync.v1.services.page({ pageSize: PAGE_SIZE }), MAX_ENTRIES),
    )
    // Of several with the name every server takes the oldest.
    const [oldest] = services
      .filter(({ friendlyName }) => friendlyName === SERVICE)
      .toSorted((a, b) => Number(a.dateCreated) - Number(b.dateCreated))
    if (oldest) return oldest.sid
    const created = await ask("create the Sync service", (client) =>
      client.sync.v1.services.create({ friendlyName: SERVICE }),
    )
    log.info("created in Twilio Sync", { what: "service", name: SERVICE, sid: created.sid })
    return created.sid
  }

  async function createMap(sid: string, name: string): Promise<void> {
    const created = await unless(409, () =>
      ask("create a Sync map", (client) =>
        client.sync.v1.services(sid).syncMaps.create({ uniqueName: name }),
      ),
    ).catch((error: unknown) => {
      // Not even the service is there any more.
      if (statusOf(error) === 404) service = undefined
      throw error
    })
    if (created) log.info("created in Twilio Sync", { what: "map", name })
  }

  async function readMap(sid: string, kind: keyof typeof MAPS): Promise<SyncEntry[]> {
    const name = MAPS[kind]
    const items = await unless(404, () =>
      ask(`read the Sync map ${name}`, async (client) => {
        const map = client.sync.v1.services(sid).syncMaps(name)
        return allOf(await map.syncMapItems.page({ pageSize: PAGE_SIZE }), MAX_ENTRIES + 1)
      }),
    )
    // The map of the menus is created with the first one.
    if (!items && kind !== "menu") await createMap(sid, name)
    if (items && items.length > MAX_ENTRIES && !crowded.has(name)) {
      crowded.add(name)
      log.warn("a Sync map holds too many entries; the rest is left out", { name, limit: MAX_ENTRIES })
    }
    return (items ?? [])
      .slice(0, MAX_ENTRIES)
      .map(({ key, revision, data }) => ({ kind, key, revision, data }))
  }

  async function readDocument(sid: string): Promise<SyncEntry[]> {
    const document = await unless(404, () =>
      ask("read the Sync document", (client) => client.sync.v1.services(sid).documents(DOCUMENT).fetch()),
    )
    if (!document) return []
    return [{ kind: "config", key: DOCUMENT, revision: document.revision, data: document.data }]
  }

  function update(
    sid: string,
    { kind, key, data }: SyncPlace & { data: unknown },
    revision?: string,
  ): Promise<string> {
    const change = { data: JSON.stringify(data), ...(revision === undefined ? {} : { ifMatch: revision }) }
    return ask(`change the Sync entry ${key}`, async (client) => {
      const found = client.sync.v1.services(sid)
      const changed =
        kind === "config"
          ? await found.documents(DOCUMENT).update(change)
          : await found.syncMaps(MAPS[kind]).syncMapItems(key).update(change)
      return changed.revision
    })
  }

  async function create(sid: string, { kind, key, data }: SyncPlace & { data: unknown }): Promise<string> {
    const text = JSON.stringify(data)
    const created = await ask(`create the Sync entry ${key}`, async (client) => {
      const found = client.sync.v1.services(sid)
      return kind === "config"
        ? found.documents.create({ uniqueName: DOCUMENT, data: text })
        : found.syncMaps(MAPS[kind]).syncMapItems.create({ key, data: text })
    })
    if (kind === "config") log.info("created in Twilio Sync", { what: "document", name: DOCUMENT })
    return created.revision
  }

  /** Creates an entry, with its map where even that is missing. */
  async function createWithMap(sid: string, entry: SyncPlace & { data: unknown }): Promise<string> {
    if (entry.kind !== "config") {
      const created = await unless(404, () => create(sid, entry))
      if (created !== undefined) return created
      await createMap(sid, MAPS[entry.kind])
    }
    return create(sid, entry)
  }

  return {
    async readAll() {
      const sid = await serviceSid()
      const maps = [readMap(sid, "context"), readMap(sid, "manifest"), readMap(sid, "menu")]
      const read = await Promise.all([...maps, readDocument(sid)])
      return read.flat()
    },

    async write(entry) {
      const sid = await serviceSid()
      const updated = await unless(404, () => update(sid, entry))
      const written = updated ?? (await unless(409, () => createWithMap(sid, entry)))
      // Somebody created it in between.
      return written ?? update(sid, entry)
    },

    async writeIf(entry, revision) {
      const sid = await serviceSid()
      if (revision === null) return unless(409, () => createWithMap(sid, entry))
      return unless(412, () => unless(404, () => update(sid, entry, revision)))
    },

    async remove({ kind, key }) {
      const sid = await serviceSid()
      await unless(404, () =>
        ask(`delete the Sync entry ${key}`, async (client) => {
          const found = client.sync.v1.services(sid)
          if (kind === "config") await found.documents(DOCUMENT).remove()
          else await found.syncMaps(MAPS[kind]).syncMapItems(key).remove()
        }),
      )
    },
  }
}

type PageOf<T> = { instances: T[]; nextPage(): Promise<PageOf<T>> | undefined }

/** Items of this page and the following ones, until there are `enough`. */
async function allOf<T>(first: PageOf<T>, enough: number): Promise<T[]> {
  const found: T[] = []
  for (
    let page: PageOf<T> | undefined = first;
    page;
    page = found.length < enough ? await page.nextPage() : undefined
  )
    found.push(...page.instances)
  return found
}

/** Undefined where the answer has this HTTP status. */
async function unless<T>(status: number, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (statusOf(error) === status) return undefined
    throw error
  }
}

function statusOf(error: unknown): number | null {
  return error instanceof TwilioRestError ? error.httpStatus : null
}
