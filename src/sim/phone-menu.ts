/** A simulated company: its phone is answered by a menu of several levels, then by a queue, then by a person. */

import type { SimulatedCall } from "./simulated-call.ts"

export type MenuLevel = {
  says: string
  /** The keys or words that lead on; case and punctuation do not count. */
  expects: string
}

export type PhoneMenu = {
  levels: readonly MenuLevel[]
  /** Said before the silence in which the caller waits. */
  queue: string
  /** The first words of the person. */
  person: string
}

export type PhoneMenuOptions = {
  sleep: (ms: number) => Promise<unknown>
  /** How long the menu waits for an answer before it asks again, in milliseconds. */
  patienceMs: number
  /** Between the answer and what is said next, in milliseconds. */
  pauseMs: number
  /** How long the queue lasts, in milliseconds. */
  queueMs: number
}

/** How often a question is asked before the menu starts over. */
const MOST_ASKED = 3

export const DEMO_PHONE_MENU: PhoneMenu = {
  levels: [
    {
      says: "Welcome to Acme Health. Are you a member or a dental provider?",
      expects: "dental provider",
    },
    { says: "Please enter your NPI number, followed by the pound key.", expects: "1234567890#" },
    { says: "For claims, press one. To speak to a representative, press zero.", expects: "0" },
  ],
  queue: "All of our agents are busy. Your call is important to us.",
  person: "Hello, this is Maria, how can I help you?",
}

/** Plays the menu over ConversationRelay. Resolves once the person has spoken; rejects when the call ends before. */
export async function playPhoneMenu(
  call: SimulatedCall,
  { levels, queue, person }: PhoneMenu,
  options: PhoneMenuOptions,
): Promise<void> {
  const { sleep, pauseMs, queueMs } = options
  for (let index = 0, asked = 0; index < levels.length;) {
    const level = levels[index]
    if (!level) break
    await sleep(pauseMs)
    call.say(asked === 0 ? level.says : `I did not get that. ${level.says}`)
    asked += 1
    if (await isAnswered(call, level, options)) [index, asked] = [index + 1, 0]
    else if (asked === MOST_ASKED) [index, asked] = [0, 0]
  }
  await sleep(pauseMs)
  call.say(queue)
  await sleep(queueMs)
  call.say(person)
}

/** Whether the expected keys or words come in time. Others lead nowhere. */
async function isAnswered(
  call: SimulatedCall,
  { expects }: MenuLevel,
  { sleep, patienceMs }: PhoneMenuOptions,
): Promise<boolean> {
  const answer = call.spoken.next(({ text }) => plain(text) === plain(expects))
  const late = sleep(patienceMs).then(() => "late" as const)
  return (await Promise.race([answer, late])) !== "late"
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}*#]/gu, "")
}
