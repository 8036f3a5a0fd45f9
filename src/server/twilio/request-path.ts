/** The part of a request's URL after `PUBLIC_URL`. A signature covers `PUBLIC_URL` followed by this part. */

/**
 * Returns path and query as received, without the path prefix of the public address. A proxy may or may not have
 * removed the prefix; routes are defined without it.
 */
export function requestPath(publicUrl: string | undefined): (request: Request) => string {
  const prefix = publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "")
  return function pathOf({ url }) {
    const start = url.indexOf("/", url.indexOf("//") + 2)
    const path = start === -1 ? "/" : (url.slice(start).split("#", 1)[0] ?? "/")
    return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
  }
}
