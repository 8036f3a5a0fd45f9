import { expect, test } from "bun:test"
import { ToolCallAssembler, type ToolCallFragment } from "../../../src/llm/openai/tool-call-assembler.ts"

function calls(fragments: readonly ToolCallFragment[], options = { usedIds: [] as string[], cutOff: false }) {
  const assembler = new ToolCallAssembler()
  for (const fragment of fragments) assembler.add(fragment)
  return assembler
    .finish(options)
    .map(({ callId, name, arguments: args }) => `${callId.slice(0, 6)} ${name} ${args}`)
}

const f = (name?: string, args?: string) => ({ function: { name, arguments: args } })

test.each([
  [
    "fragments by index",
    [
      { index: 0, id: "a", ...f("x", "") },
      { index: 0, ...f(undefined, '{"n":') },
      { index: 0, ...f(undefined, "1}") },
    ],
    ['a x {"n":1}'],
  ],
  [
    "two that grow in turns",
    [
      { index: 0, id: "a", ...f("x", "[") },
      { index: 1, id: "b", ...f("y", "{") },
      { index: 0, ...f(undefined, "]") },
      { index: 1, ...f(undefined, "}") },
    ],
    ["a x []", "b y {}"],
  ],
  [
    "no index: by id",
    [
      { id: "a", ...f("x", "{") },
      { id: "b", ...f("y", "{}") },
      { id: "a", ...f(undefined, "}") },
    ],
    ["a x {}", "b y {}"],
  ],
  [
    "neither: what has no name belongs to the last",
    [f("x", "{"), f(undefined, "}"), f("y", "{}")],
    [expect.stringMatching(/ x \{\}$/), expect.stringMatching(/ y \{\}$/)],
  ],
  [
    "all claim to be number 0, with ids",
    [
      { index: 0, id: "a", ...f("x", "{}") },
      { index: 0, id: "b", ...f("x", "{}") },
    ],
    ["a x {}", "b x {}"],
  ],
  [
    "all claim to be number 0, without ids",
    [
      { index: 0, ...f("x", "{}") },
      { index: 0, ...f("y", "{}") },
    ],
    [expect.stringMatching(/ x \{\}$/), expect.stringMatching(/ y \{\}$/)],
  ],
  [
    "a name that is repeated",
    [
      { index: 0, id: "a", ...f("x", "{") },
      { index: 0, id: "a", ...f("x", "}") },
    ],
    ["a x {}"],
  ],
  [
    "an id that comes late",
    [
      { index: 0, ...f("x", "{") },
      { index: 0, id: "a", ...f(undefined, "}") },
    ],
    ["a x {}"],
  ],
  [
    "no arguments",
    [
      { index: 0, id: "a", ...f("x") },
      { index: 1, id: "b", function: { name: "y", arguments: " " } },
    ],
    ["a x {}", "b y {}"],
  ],
  [
    "all claim to be number 0, without ids, and have one name",
    [
      { index: 0, ...f("x", '{"n":1}') },
      { index: 0, ...f("x", '{"n":2}') },
    ],
    [expect.stringMatching(/ x \{"n":1\}$/), expect.stringMatching(/ x \{"n":2\}$/)],
  ],
  [
    "a new id for each fragment",
    [
      { index: 0, id: "a", ...f("x", "") },
      { index: 0, id: "b", ...f(undefined, "{") },
      { index: 0, id: "c", ...f(undefined, "}") },
    ],
    ["a x {}"],
  ],
  [
    "neither index nor id, and a name that is repeated",
    [f("x", '{"n":'), f("x", "1}"), f("x", "{}")],
    [expect.stringMatching(/ x \{"n":1\}$/), expect.stringMatching(/ x \{\}$/)],
  ],
  ["no name at all", [{ index: 0, id: "a", ...f(undefined, "{}") }, { index: 1 }], []],
  [
    "two with one id",
    [
      { index: 0, id: "a", ...f("x", "{}") },
      { index: 1, id: "a", ...f("y", "{}") },
    ],
    ["a x {}", expect.stringMatching(/^call_. y \{\}$/)],
  ],
] as const)("%s", (_, fragments, expected) => expect(calls(fragments)).toEqual([...expected]))

test("a cut-off answer keeps only calls that are whole", () => {
  const fragments = [
    { index: 0, id: "a", ...f("x", '{"n":1}') },
    { index: 1, id: "b", ...f("y", '{"n":') },
  ]
  expect(calls(fragments, { usedIds: [], cutOff: true })).toEqual(['a x {"n":1}'])
  expect(calls(fragments, { usedIds: ["a"], cutOff: false })).toEqual([
    expect.stringMatching(/^call_. x/),
    'b y {"n":',
  ])
})

test("a flood of calls is refused", () => {
  const assembler = new ToolCallAssembler()
  const flood = () => {
    for (let index = 0; index < 1_000; index++) assembler.add({ index, id: `c${index}`, ...f("x", "{}") })
  }
  expect(flood).toThrow("too many tool calls")
})
