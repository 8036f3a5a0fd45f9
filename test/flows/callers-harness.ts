/** Calls whose agent treats callers by what is known of them, with a customer API on the wire. */

import { join } from "node:path"
import { callHarness, realtimeService, textModelService, type Service } from "../call-harness.ts"
import { FakeCustomerApi } from "../fakes/fake-customer-api.ts"
import { TestSocket } from "../server/client.ts"
import type { AppUnderTest } from "../server/app-under-test.ts"

const ASSETS_DIR = join(import.meta.dir, "caller-assets")

/** Numbers of the agents. */
export const RELAY = "+15550100002"
export const REALTIME = "+15550100003"
export const REMEMBERING = "+15550100004"
export const CALLER = "+15550100001"

export type CallersHarnessOptions = {
  caller?: { isLoggedIn?: boolean; hasConsented?: boolean }
  env?: Record<string, string>
}

function customerService(caller: CallersHarnessOptions["caller"]): Service<FakeCustomerApi> {
  const fake = new FakeCustomerApi(caller)
  return { fake, env: { CUSTOMER_API_URL: fake.url, ASSETS_DIR } }
}

export function relayCallers({ caller, env = {} }: CallersHarnessOptions = {}) {
  const services = { customers: customerService(caller), openai: textModelService() }
  return callHarness({ services, env, charactersPerSecond: 15 })
}

export function realtimeCallers({ caller, env = {} }: CallersHarnessOptions = {}) {
  const services = { customers: customerService(caller), realtime: realtimeService() }
  return callHarness({ services, env })
}

/** A socket at `/user`. */
export async function userSocket(
  app: AppUnderTest,
  query = "",
  headers: Record<string, string> = {},
): Promise<TestSocket> {
  const socket = new TestSocket(`${app.url.replace("http", "ws")}/user${query}`, {
    ...headers,
  })
  if (!(await socket.opened)) throw new Error("the socket was refused")
  return socket
}

/** The token that the customer API was given for a call. */
export async function tokenGiven(customers: FakeCustomerApi): Promise<string> {
  const { headers } = await customers.requests.next(({ path }) => path === "/api/send-message")
  return headers.get("x-caller-token") ?? ""
}
