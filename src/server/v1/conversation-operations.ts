/** The operations on conversations without a phone, for the description of the API. */

import { AnswerView, ConversationView, DeletedConversation, SendMessageBody } from "./conversation-routes.ts"
import type { Operation } from "./operation.ts"

const PATH = "/v1/conversations"
const ONE = `${PATH}/{id}`
const FIND = [401, 403, 404]

export const CONVERSATION_OPERATIONS: readonly Operation[] = [
  {
    method: "post",
    path: PATH,
    summary: "Send a message to an agent and get its answer; without conversationId a conversation begins",
    body: SendMessageBody,
    status: 200,
    answer: AnswerView,
    errors: [400, 401, 403, 404, 413, 415, 429, 502, 503],
  },
  {
    method: "get",
    path: ONE,
    summary: "Read a conversation",
    status: 200,
    answer: ConversationView,
    errors: FIND,
  },
  {
    method: "delete",
    path: ONE,
    summary: "Delete a conversation",
    status: 200,
    answer: DeletedConversation,
    errors: FIND,
  },
]
