/** The part of a request's address that a signature covers after the public address: path and query, as received. */

export function pathOf(request: Request): string {
  const { url } = request
  const start = url.indexOf("/", url.indexOf("//") + 2)
  if (start === -1) return "/"
  const hash = url.indexOf("#", start)
  return hash === -1 ? url.slice(start) : url.slice(start, hash)
}
