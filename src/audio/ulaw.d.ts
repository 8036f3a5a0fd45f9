/** Stored audio is imported as the path of a file; inside the binary it is an embedded file. */
declare module "*.ulaw" {
  const path: string
  export default path
}
