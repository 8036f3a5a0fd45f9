/**
 * The part of WASI preview 1 that a command-line program needs which reads its arguments and writes one file: everything
 * in memory, no disk, no environment. Source: WASI "wasi_snapshot_preview1".
 */

/** How a program ended, and the file that it wrote; undefined: none. */
export type WasiResult = { code: number; file: Uint8Array | undefined; stderr: string }

export const OUT_FOLDER = "/out"

const SUCCESS = 0
const BAD_FD = 8
const NO_ENTRY = 44
const SEEK_FAILED = 70
const STDERR = 2
const FOLDER_FD = 3
const FILE_FD = 4
const CREATE = 1
const DIRECTORY = 3
const REGULAR_FILE = 4
const CHARACTER_DEVICE = 2
const MAX_FILE_BYTES = 32 * 1024 * 1024
const MAX_STDERR_CHARS = 2_000

class Exit extends Error {
  readonly code: number

  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}

/** Runs a program once. Throws what the program traps with. */
export async function runWasi(module: WebAssembly.Module, args: readonly string[]): Promise<WasiResult> {
  const process = new WasiProcess(args)
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: process.imports })
  return process.run(instance.exports)
}

class WasiProcess {
  readonly #args: readonly Uint8Array[]
  #memory = new WebAssembly.Memory({ initial: 0 })
  #file: Uint8Array | undefined
  #length = 0
  #at = 0
  #stderr = ""

  constructor(args: readonly string[]) {
    this.#args = args.map((arg) => new TextEncoder().encode(`${arg}\0`))
  }

  run({ memory, _start: start }: Record<string, unknown>): WasiResult {
    if (!(memory instanceof WebAssembly.Memory) || typeof start !== "function")
      throw new Error("the module is no WASI command")
    this.#memory = memory
    let code = 0
    try {
      start()
    } catch (error) {
      if (!(error instanceof Exit)) throw error
      code = error.code
    }
    return { code, file: this.#file?.slice(0, this.#length), stderr: this.#stderr }
  }

  get imports() {
    return {
      args_sizes_get: (count: number, bytes: number) => {
        this.#view.setUint32(count, this.#args.length, true)
        this.#view.setUint32(
          bytes,
          this.#args.reduce((sum, { length }) => sum + length, 0),
          true,
        )
        return SUCCESS
      },
      args_get: (pointers: number, buffer: number) => {
        let at = buffer
        for (const [index, arg] of this.#args.entries()) {
          this.#view.setUint32(pointers + index * 4, at, true)
          this.#bytes.set(arg, at)
          at += arg.length
        }
        return SUCCESS
      },
      clock_time_get: (_clock: number, _precision: bigint, time: number) => {
        this.#view.setBigUint64(time, 0n, true)
        return SUCCESS
      },
      fd_close: () => SUCCESS,
      fd_fdstat_get: (fd: number, stat: number) => {
        const type = fd === FOLDER_FD ? DIRECTORY : fd === FILE_FD ? REGULAR_FILE : CHARACTER_DEVICE
        this.#bytes.fill(0, stat, stat + 24)
        this.#view.setUint8(stat, type)
        this.#view.setBigUint64(stat + 8, 0xffff_ffff_ffff_ffffn, true)
        this.#view.setBigUint64(stat + 16, 0xffff_ffff_ffff_ffffn, true)
        return SUCCESS
      },
      fd_fdstat_set_flags: () => SUCCESS,
      fd_prestat_get: (fd: number, stat: number) => {
        if (fd !== FOLDER_FD) return BAD_FD
        this.#view.setUint32(stat, 0, true)
        this.#view.setUint32(stat + 4, OUT_FOLDER.length, true)
        return SUCCESS
      },
      fd_prestat_dir_name: (_fd: number, path: number) => {
        this.#bytes.set(new TextEncoder().encode(OUT_FOLDER), path)
        return SUCCESS
      },
      path_open: (
        _fd: number,
        _lookup: number,
        _path: number,
        _length: number,
        flags: number,
        ...rest: unknown[]
      ) => {
        if ((flags & CREATE) === 0) return NO_ENTRY
        this.#file = new Uint8Array(64 * 1024)
        this.#view.setUint32(Number(rest.at(-1)), FILE_FD, true)
        return SUCCESS
      },
      fd_read: (_fd: number, _vectors: number, _count: number, read: number) => {
        this.#view.setUint32(read, 0, true)
        return SUCCESS
      },
      fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
        if (fd !== FILE_FD) return SEEK_FAILED
        const base = whence === 0 ? 0 : whence === 1 ? this.#at : this.#length
        this.#at = Math.max(0, base + Number(offset))
        this.#view.setBigUint64(result, BigInt(this.#at), true)
        return SUCCESS
      },
      fd_write: (fd: number, vectors: number, count: number, written: number) => {
        let total = 0
        for (let index = 0; index < count; index++) {
          const at = this.#view.getUint32(vectors + index * 8, true)
          const length = this.#view.getUint32(vectors + index * 8 + 4, true)
          this.#write(fd, this.#bytes.subarray(at, at + length))
          total += length
        }
        this.#view.setUint32(written, total, true)
        return SUCCESS
      },
      proc_exit: (code: number) => {
        throw new Exit(code)
      },
    }
  }

  // The memory may have grown since the last call.
  get #view(): DataView {
    return new DataView(this.#memory.buffer)
  }

  get #bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer)
  }

  #write(fd: number, bytes: Uint8Array): void {
    if (fd === STDERR && this.#stderr.length < MAX_STDERR_CHARS)
      this.#stderr += new TextDecoder().decode(bytes)
    if (fd !== FILE_FD || !this.#file) return
    const end = this.#at + bytes.length
    if (end > MAX_FILE_BYTES) throw new Error("the program has written too much")
    if (end > this.#file.length) {
      const larger = new Uint8Array(Math.max(end, this.#file.length * 2))
      larger.set(this.#file)
      this.#file = larger
    }
    this.#file.set(bytes, this.#at)
    this.#at = end
    this.#length = Math.max(this.#length, end)
  }
}
