/** Stored sounds are imported as the path of a file, which inside the binary is one of its own. */
declare module "*.ulaw" {
  const path: string
  export default path
}
