/** WebAssembly is imported as the path of a file; inside the binary it is an embedded file. */
declare module "*.wasm" {
  const path: string
  export default path
}
