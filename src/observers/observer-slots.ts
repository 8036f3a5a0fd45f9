/** How many observers there may be at once, of one user and of all. */

/** With several processes the limits hold for all of them: the store could count. */
export interface ObserverSlots {
  /** Reserves one of the user's slots. Resolves to its release, which is harmless when called twice; undefined at the limit. */
  reserve(userId: string | null): Promise<(() => void) | undefined>
  /** Slots in use by this process. */
  readonly size: number
}

/** Observers of all users together. */
const MAX_SLOTS = 1000

/** The slots of one process. */
export function memoryObserverSlots({ perUser }: { perUser: number }): ObserverSlots {
  const ofUsers = new Map<string | null, number>()
  let inUse = 0
  return {
    get size() {
      return inUse
    },

    async reserve(userId) {
      const ofUser = ofUsers.get(userId) ?? 0
      if (ofUser >= perUser || inUse >= MAX_SLOTS) return undefined
      ofUsers.set(userId, ofUser + 1)
      inUse++
      let isReserved = true
      return function release() {
        if (!isReserved) return
        isReserved = false
        inUse--
        const rest = (ofUsers.get(userId) ?? 1) - 1
        if (rest > 0) ofUsers.set(userId, rest)
        else ofUsers.delete(userId)
      }
    },
  }
}
