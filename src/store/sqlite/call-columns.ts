/** The columns of a call that leave the store. */

import { getColumns } from "drizzle-orm"
import { calls } from "./schema.ts"

const {
  idempotencyKey: _key,
  requestHash: _hash,
  dialLeaseUntil: _lease,
  socketToken: _token,
  socketTokenExpiresAt: _expiry,
  socketClaimedAt: _claimed,
  sessionId: _session,
  lastStatusSequence: _sequence,
  menu: _menu,
  menuRevision: _menuRevision,
  ...columns
} = getColumns(calls)

export const CALL_COLUMNS = columns
