/** The migrations, carried inside the program. Each folder of `drizzle/` is listed here; a test finds what is missing. */

import callers from "../../../drizzle/20261127150554_callers/migration.sql" with { type: "text" }
import initial from "../../../drizzle/20261120193729_initial/migration.sql" with { type: "text" }
import menus from "../../../drizzle/20261127142127_menus/migration.sql" with { type: "text" }
import ivrMenu from "../../../drizzle/20261127143507_ivr_menu/migration.sql" with { type: "text" }
import oneJobPerKind from "../../../drizzle/20261127114429_one_job_per_kind/migration.sql" with { type: "text" }
import sessionEnd from "../../../drizzle/20261127113524_session_end/migration.sql" with { type: "text" }
import quotaUses from "../../../drizzle/20261127131711_quota_uses/migration.sql" with { type: "text" }
import speechErrors from "../../../drizzle/20261127151944_speech_errors/migration.sql" with { type: "text" }
import timeScale from "../../../drizzle/20261127145612_time_scale/migration.sql" with { type: "text" }
import usage from "../../../drizzle/20261120202115_usage/migration.sql" with { type: "text" }

export type Migration = { readonly name: string; readonly sql: string }

/** In the order in which they are applied: their names begin with the time of their making. */
export const MIGRATIONS: readonly Migration[] = [
  { name: "20261120193729_initial", sql: initial },
  { name: "20261120202115_usage", sql: usage },
  { name: "20261127113524_session_end", sql: sessionEnd },
  { name: "20261127114429_one_job_per_kind", sql: oneJobPerKind },
  { name: "20261127131711_quota_uses", sql: quotaUses },
  { name: "20261127142127_menus", sql: menus },
  { name: "20261127143507_ivr_menu", sql: ivrMenu },
  { name: "20261127145612_time_scale", sql: timeScale },
  { name: "20261127150554_callers", sql: callers },
  { name: "20261127151944_speech_errors", sql: speechErrors },
]
