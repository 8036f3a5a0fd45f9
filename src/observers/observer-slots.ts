/** How many observers there may be at once, of one user and of all. */

/** With several processes the limits hold for all of them: the store could count. */
export interface ObserverSlots {
  /**
   * Reserves one of the user's slots; `holder` names it for `holders`. Resolves to its release, which is harmless when
   * called twice; undefined at the limit.
   */
  reserve(userId: string | null, holder: string): Promise<(() => void) | undefined>
  /** Who holds the slots of a user, oldest first. */
  holders(userId: string | null): string[]
  /** Slots in use by this process. */
  readonly size: number
}

/** Observers of all users together. */
const MAX_SLOTS = 1000

/** The slots of one process. */
export function memoryObserverSlots({ perUser }: { perUser: number }): ObserverSlots {
  const ofUsers = new Map<string | null, Set<{ holder: string }>>()
  let inUse = 0
  return {
    get size() {
      return inUse
    },

    async reserve(userId, holder) {
      const ofUser = ofUsers.get(userId) ?? new Set()
      if (ofUser.size >= perUser || inUse >= MAX_SLOTS) return undefined
      const slot = { holder }
      ofUsers.set(userId, ofUser.add(slot))
      inUse++
      return function release() {
        if (!ofUser.delete(slot)) return
        inUse--
        if (ofUser.size === 0) ofUsers.delete(userId)
      }
    },

    holders: (userId) => [...(ofUsers.get(userId) ?? [])].map(({ holder }) => holder),
  }
}
