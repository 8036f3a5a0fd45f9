/** How many observers there may be at once: of one user, of one key, and of all. */

/** Who observes. A key that is bound to no user may name any: so its observers are counted as well. */
export type Observing = {
  /** Null: no user in particular. */
  userId: string | null
  /** Stands for the key of the request. */
  key: string
}

/** With several processes the limits hold for all of them: the store could count. */
export interface ObserverSlots {
  /**
   * Reserves one of the slots of the user and the key; `holder` names it for `holders`. Resolves to its release, which is
   * harmless when called twice; undefined at a limit.
   */
  reserve(by: Observing, holder: string): Promise<(() => void) | undefined>
  /** Who holds the slots of a user, oldest first. */
  holders(userId: string | null): string[]
  /** Slots in use by this process. */
  readonly size: number
}

/** Observers of all users together. */
const MAX_SLOTS = 1000

export type SlotLimits = { observersPerUser: number; observersPerKey: number }

/** The slots of one process. */
export function memoryObserverSlots({ observersPerUser, observersPerKey }: SlotLimits): ObserverSlots {
  const slots = new Set<Observing & { holder: string }>()
  return {
    get size() {
      return slots.size
    },

    async reserve({ userId, key }, holder) {
      const open = [...slots]
      const ofUser = open.filter((slot) => slot.userId === userId).length
      const ofKey = open.filter((slot) => slot.key === key).length
      if (ofUser >= observersPerUser || ofKey >= observersPerKey || open.length >= MAX_SLOTS) return undefined
      const slot = { userId, key, holder }
      slots.add(slot)
      return () => void slots.delete(slot)
    },

    holders: (userId) => [...slots].filter((slot) => slot.userId === userId).map(({ holder }) => holder),
  }
}
