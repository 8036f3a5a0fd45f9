/** The part of a request's URL after `PUBLIC_URL`. A signature covers `PUBLIC_URL` followed by this part. */

/**
 * Returns path and query as received, without the path prefix of the public address. A proxy may or may not have
 * removed the prefix; routes are defined without it.
 */
export function requestPath(publicUrl: string | undefined): (request: Request) => string {
  const prefix = publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "")
  return function pathOf({ url }) {
    const start = isAbsolute(url) ? url.indexOf("/", url.indexOf("//") + 2) : 0
    const path = start === -1 ? "/" : (url.slice(start).split("#", 1)[0] ?? "/")
    return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
  }
}

/**
 * The request with an absolute URL. Bun gives a request without a valid `Host`, as HTTP/1.0 allows it, the bare path as its
 * URL.
 */
export function withAbsoluteUrl(request: Request): Request {
  return isAbsolute(request.url) ? request : new Request(`http://localhost${request.url}`, request)
}

function isAbsolute(url: string): boolean {
  return !url.startsWith("/")
}
