/** Addresses of this machine, as sockets report their peers. Pure. */

/** The address that stands for a program on this machine. */
export const LOOPBACK = "127.0.0.1"

export function isLoopback(address: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/.test(address)
}
