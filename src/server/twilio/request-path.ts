/** The part of a request's address below `PUBLIC_URL`. A signature covers it after the public address. */

/**
 * Reads path and query as received, without the path of the public address: a proxy may have taken that away or not,
 * and the routes know it only without.
 */
export function requestPath(publicUrl: string | undefined): (request: Request) => string {
  const prefix = publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "")
  return function pathOf({ url }) {
    const start = url.indexOf("/", url.indexOf("//") + 2)
    const path = start === -1 ? "/" : (url.slice(start).split("#", 1)[0] ?? "/")
    return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
  }
}
