/** Finds out whether a write-ahead log is damaged: SQLite drops what follows a damaged frame without a word. Pure. */

/** (SQLite: "Database File Format", section 4 "The Write-Ahead Log".) */
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC = 0x377f0682
const [SALTS_IN_HEADER, SALTS_IN_FRAME] = [16, 8]
const [SUMS_IN_HEADER, SUMS_IN_FRAME] = [24, 16]

/** `transactions`: how many were committed behind the first damaged frame, and are lost. */
export type WalDamage = { damage: "none" } | { damage: "header" } | { damage: "frames"; transactions: number }

/**
 * A frame that was torn when the process or the machine died is no damage: nothing that was committed follows it. Frames of
 * earlier rounds, which have other salts, are none either.
 */
export function walDamage(bytes: Uint8Array): WalDamage {
  const wal = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (wal.byteLength <= HEADER_BYTES) return { damage: "none" }
  const magic = wal.getUint32(0)
  const isLittleEndian = magic === MAGIC
  const pageBytes = wal.getUint32(8)
  const add = (sums: Sums, from: number, to: number) => addWords(wal, sums, { from, to, isLittleEndian })
  const start = add([0, 0], 0, SUMS_IN_HEADER)
  if ((magic & ~1) >>> 0 !== MAGIC || pageBytes < 512 || !hasPair(wal, SUMS_IN_HEADER, start)) {
    return { damage: "header" }
  }
  const salts: Sums = [wal.getUint32(SALTS_IN_HEADER), wal.getUint32(SALTS_IN_HEADER + 4)]
  const frameBytes = FRAME_HEADER_BYTES + pageBytes
  let sums: Sums | undefined = start
  let transactions = 0
  for (let at = HEADER_BYTES; at + frameBytes <= wal.byteLength; at += frameBytes) {
    const isOfThisRound = hasPair(wal, at + SALTS_IN_FRAME, salts)
    if (sums === undefined) {
      const isCommit = wal.getUint32(at + 4) !== 0
      if (isOfThisRound && isCommit) transactions += 1
      continue
    }
    const next = add(add(sums, at, at + SALTS_IN_FRAME), at + FRAME_HEADER_BYTES, at + frameBytes)
    sums = isOfThisRound && hasPair(wal, at + SUMS_IN_FRAME, next) ? next : undefined
  }
  return transactions > 0 ? { damage: "frames", transactions } : { damage: "none" }
}

type Sums = readonly [number, number]

function hasPair(wal: DataView, at: number, [first, second]: Sums): boolean {
  return wal.getUint32(at) === first && wal.getUint32(at + 4) === second
}

function addWords(
  wal: DataView,
  [first, second]: Sums,
  { from, to, isLittleEndian }: { from: number; to: number; isLittleEndian: boolean },
): Sums {
  let [a, b] = [first, second]
  for (let at = from; at < to; at += 8) {
    a = (a + wal.getUint32(at, isLittleEndian) + b) >>> 0
    b = (b + wal.getUint32(at + 4, isLittleEndian) + a) >>> 0
  }
  return [a, b]
}
