/** What may be done to a running call, for the description of the API. */

import type { Operation } from "./operation.ts"
import {
  Accepted,
  AgentBody,
  AgentStateView,
  MessageBody,
  SayBody,
  TransferBody,
} from "./live-call-routes.ts"

const common = { status: 202, answer: Accepted, errors: [400, 401, 403, 404, 409] } as const

export const STEER_OPERATIONS: readonly Operation[] = [
  {
    ...common,
    method: "post",
    path: "/v1/calls/{sid}/say",
    summary: "Speak a sentence to the caller",
    body: SayBody,
  },
  {
    ...common,
    method: "post",
    path: "/v1/calls/{sid}/messages",
    summary: "Put a message into the conversation, or send a frame of the engine",
    body: MessageBody,
  },
  {
    ...common,
    method: "post",
    path: "/v1/calls/{sid}/transfer",
    summary: "Hand the caller to a person",
    body: TransferBody,
  },
  {
    ...common,
    method: "patch",
    path: "/v1/calls/{sid}/agent",
    summary: "Exchange context, tools, listen mode or silence detection; history stays unless reset",
    body: AgentBody,
    status: 200,
    answer: AgentStateView,
  },
]
