/** The engines that can run a conversation, and the kind of socket that Twilio opens for each. The one list of them. */

/** `relay`: Twilio's ConversationRelay, which sends text. `media`: a media stream, which sends audio. */
export type SocketKind = "relay" | "media"

export const ENGINES = ["relay", "realtime", "pipeline"] as const
export type Engine = (typeof ENGINES)[number]

/** Those that this version can run. */
export const AVAILABLE_ENGINES = ["relay", "realtime", "pipeline"] as const satisfies readonly Engine[]
export type AvailableEngine = (typeof AVAILABLE_ENGINES)[number]

export const SOCKET_OF = {
  relay: "relay",
  realtime: "media",
  pipeline: "media",
} as const satisfies Record<Engine, SocketKind>
