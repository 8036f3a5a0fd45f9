/** Synthesized sentences on disk and in memory, so that fixed ones are synthesized once. Bounded; files are private. */

import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import { messageOf } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"

/** Mu-law 8 kHz, and which characters of the text are spoken by which millisecond. */
export type Phrase = {
  readonly audio: Uint8Array
  readonly positions: readonly { readonly chars: number; readonly ms: number }[]
}

export type PhraseCacheOptions = {
  /** Undefined: phrases are kept in memory only. */
  folder: string | undefined
  log: Log
  maxDiskBytes?: number
  maxMemoryBytes?: number
}

/** Longer sentences are not kept. */
export const MAX_PHRASE_BYTES = 60_000 * MULAW_BYTES_PER_MS
const MAX_DISK_BYTES = 50 * 1024 * 1024
const MAX_MEMORY_BYTES = 4 * 1024 * 1024
const ENDING = ".phrase"
const LINE_END = 10

const Header = z.object({ positions: z.array(z.object({ chars: z.number(), ms: z.number() })) })

export class PhraseCache {
  readonly #options: PhraseCacheOptions
  /** The one that was used last is the last. */
  readonly #memory = new Map<string, Phrase>()
  #memoryBytes = 0
  #written: Promise<void> = Promise.resolve()

  constructor(options: PhraseCacheOptions) {
    this.#options = options
  }

  /** Never rejects: what cannot be read is not there. */
  async read(key: string): Promise<Phrase | undefined> {
    const known = this.#memory.get(key)
    if (known) {
      this.#memory.delete(key)
      this.#memory.set(key, known)
      return known
    }
    const { folder, log } = this.#options
    if (folder === undefined) return undefined
    const path = join(folder, key + ENDING)
    try {
      const file = Bun.file(path)
      if (!(await file.exists())) return undefined
      const phrase = phraseOf(await file.bytes())
      this.#remember(key, phrase)
      // The oldest ones are deleted first: this one is in use.
      const now = new Date()
      await utimes(path, now, now)
      return phrase
    } catch (error) {
      log.warn("a stored sentence cannot be read", { error: messageOf(error) })
      return undefined
    }
  }

  /** Resolves when it is stored. Never rejects: what cannot be stored is synthesized again. */
  write(key: string, phrase: Phrase): Promise<void> {
    if (phrase.audio.length === 0 || phrase.audio.length > MAX_PHRASE_BYTES) return this.#written
    this.#remember(key, phrase)
    const { folder } = this.#options
    // One after another, so that the limit of the folder holds.
    if (folder !== undefined) this.#written = this.#written.then(() => this.#store(folder, key, phrase))
    return this.#written
  }

  /** Resolves when everything that was written is stored. */
  settled(): Promise<void> {
    return this.#written
  }

  async #store(folder: string, key: string, phrase: Phrase): Promise<void> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const path = join(folder, key + ENDING)
      const draft = `${path}.${crypto.randomUUID()}`
      const header = Buffer.from(`${JSON.stringify({ positions: phrase.positions })}\n`)
      await writeFile(draft, Buffer.concat([header, phrase.audio]), { mode: 0o600 })
      await rename(draft, path)
      await this.#limit(folder)
    } catch (error) {
      this.#options.log.warn("a sentence cannot be stored", { error: messageOf(error) })
    }
  }

  #remember(key: string, phrase: Phrase): void {
    const { maxMemoryBytes = MAX_MEMORY_BYTES } = this.#options
    this.#forget(key)
    this.#memory.set(key, phrase)
    this.#memoryBytes += phrase.audio.length
    for (const oldest of this.#memory.keys()) {
      if (this.#memoryBytes <= maxMemoryBytes) return
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    this.#memoryBytes -= this.#memory.get(key)?.audio.length ?? 0
    this.#memory.delete(key)
  }

  /** Deletes the files that were not used for the longest time. */
  async #limit(folder: string): Promise<void> {
    const { maxDiskBytes = MAX_DISK_BYTES } = this.#options
    const names = (await readdir(folder)).filter((name) => name.endsWith(ENDING))
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(folder, name)
        const { size, mtimeMs } = await stat(path)
        return { path, size, mtimeMs }
      }),
    )
    let bytes = files.reduce((sum, { size }) => sum + size, 0)
    for (const { path, size } of files.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (bytes <= maxDiskBytes) return
      await rm(path, { force: true })
      bytes -= size
    }
  }
}

/** Throws for bytes that are no phrase. */
function phraseOf(bytes: Uint8Array): Phrase {
  const end = bytes.indexOf(LINE_END)
  const header = Header.parse(JSON.parse(new TextDecoder().decode(bytes.subarray(0, Math.max(0, end)))))
  return { audio: bytes.subarray(end + 1), positions: header.positions }
}
