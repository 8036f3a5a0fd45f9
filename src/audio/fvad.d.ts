/** The voice detector of WebRTC as WebAssembly, and its file: inside the binary it is an embedded file. */

declare module "@echogarden/fvad-wasm/fvad.wasm" {
  const path: string
  export default path
}

declare module "@echogarden/fvad-wasm" {
  export type Fvad = {
    readonly _malloc: (bytes: number) => number
    readonly _fvad_new: () => number
    readonly _fvad_set_mode: (handle: number, mode: number) => number
    readonly _fvad_set_sample_rate: (handle: number, hz: number) => number
    /** 1: voice, 0: none, -1: wrong length. */
    readonly _fvad_process: (handle: number, pointer: number, samples: number) => number
    readonly _fvad_free: (handle: number) => void
    /** Read anew after the memory has grown. */
    readonly HEAP16: Int16Array
  }
  export default function init(options: { wasmBinary: Uint8Array }): Promise<Fvad>
}
