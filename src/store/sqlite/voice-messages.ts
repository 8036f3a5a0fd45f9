/** Messages of callers in SQLite. */

import { asc, eq, getColumns } from "drizzle-orm"
import type { VoiceMessages } from "../voice-messages.ts"
import type { Runner } from "./access.ts"
import type { Db } from "./database.ts"
import { voiceMessages } from "./schema.ts"

const { updatedAt: _updatedAt, ...COLUMNS } = getColumns(voiceMessages)

export function createVoiceMessages(db: Db, access: Runner): VoiceMessages {
  return {
    report: ({ at, recordingSid, callId, menu, step, ...given }) =>
      access.transaction(() => {
        const isThis = eq(voiceMessages.recordingSid, recordingSid)
        const known = db.select().from(voiceMessages).where(isThis).get()
        if (!known) {
          const { status = "in-progress", url = "" } = given
          const row = {
            recordingSid,
            callId,
            menu,
            step,
            ...given,
            status,
            url,
            createdAt: at,
            updatedAt: at,
          }
          db.insert(voiceMessages).values(row).run()
          return true
        }
        const status = known.status === "in-progress" ? given.status : known.status
        const reported = Object.fromEntries(
          Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
        )
        db.update(voiceMessages)
          .set({ ...reported, ...(status === undefined ? {} : { status }), updatedAt: at })
          .where(isThis)
          .run()
        return false
      }),

    of: (callId) =>
      access.read(() =>
        db
          .select(COLUMNS)
          .from(voiceMessages)
          .where(eq(voiceMessages.callId, callId))
          .orderBy(asc(voiceMessages.createdAt), asc(voiceMessages.recordingSid))
          .all(),
      ),
  }
}
