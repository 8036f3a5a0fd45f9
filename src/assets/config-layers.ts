/** Merges configurations as JSON, for display and for changes of single fields. Pure. */

type Fields = Readonly<Record<string, unknown>>

/**
 * Whole sections of `above` in place of those of `below`, as configurations are used; a section is
 * `ConversationRelay.Configuration`, `ConversationRelay.SilenceDetection`, `Server.ListenMode` and any other top field.
 */
export function rawConfig(below: Fields, above: unknown): Fields {
  const [lower, upper] = [oneSpelling(below), oneSpelling(above)]
  const relay: Record<string, unknown> = {
    ...fieldsOf(lower["ConversationRelay"]),
    ...fieldsOf(upper["ConversationRelay"]),
  }
  // Languages at their old place belong to the configuration that they stand beside.
  const own = fieldsOf(upper["ConversationRelay"])
  if (own["Configuration"] !== undefined && own["Languages"] === undefined) delete relay["Languages"]
  if (own["Configuration"] === undefined && own["Languages"] !== undefined) {
    const { languages: _, ...configuration } = fieldsOf(relay["Configuration"])
    relay["Configuration"] = configuration
  }
  const server = { ...fieldsOf(lower["Server"]), ...fieldsOf(upper["Server"]) }
  return {
    ...lower,
    ...upper,
    ...(Object.keys(relay).length > 0 ? { ConversationRelay: relay } : {}),
    ...(Object.keys(server).length > 0 ? { Server: server } : {}),
  }
}

/** Single fields of `patch` in place of those of `config`; null takes a field away. (RFC 7396, "JSON Merge Patch".) */
export function patchedConfig(config: Fields, patch: Fields): Fields {
  const [below, above] = [oneSpelling(config), oneSpelling(patch)]
  return fieldsOf(merged(withoutOldLanguages(below, above), above))
}

/** The patch that makes `wanted` of `config`: only what differs. */
export function changesBetween(config: Fields, wanted: Fields): Fields {
  return fieldsOf(difference(oneSpelling(config), oneSpelling(wanted)))
}

/** The fields of `config` that `patch` changes or removes, as in `agents.sales.greeting`. */
export function hiddenFields(patch: Fields, config: Fields): string[] {
  const hiddenIn = (above: Fields, below: Fields, path: readonly string[]): string[] =>
    Object.entries(above).flatMap(([name, value]) => {
      if (!Object.hasOwn(below, name)) return []
      const [under, at] = [below[name], [...path, name]]
      if (isObject(value) && isObject(under)) return hiddenIn(value, under, at)
      return Bun.deepEquals(value, under) ? [] : [at.join(".")]
    })
  return hiddenIn(oneSpelling(patch), oneSpelling(config), [])
}

function difference(below: unknown, wanted: unknown): unknown {
  if (!isObject(below) || !isObject(wanted)) return wanted
  const removed = Object.keys(below).filter((name) => !Object.hasOwn(wanted, name))
  const changed = Object.entries(wanted).filter(
    ([name, value]) => !Object.hasOwn(below, name) || !Bun.deepEquals(below[name], value),
  )
  return Object.fromEntries([
    ...removed.map((name) => [name, null] as const),
    ...changed.map(([name, value]) => [name, difference(below[name], value)] as const),
  ])
}

/** Languages of a patch at their old place replace those of the configuration, which would take precedence. */
function withoutOldLanguages(below: Fields, above: Fields): Fields {
  const [lower, upper] = [fieldsOf(below["ConversationRelay"]), fieldsOf(above["ConversationRelay"])]
  const isReplaced =
    upper["Languages"] !== undefined && fieldsOf(upper["Configuration"])["languages"] === undefined
  if (!isReplaced || !isObject(lower["Configuration"])) return below
  const { languages: _, ...configuration } = lower["Configuration"]
  return { ...below, ConversationRelay: { ...lower, Configuration: configuration } }
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const fields = new Map(Object.entries(fieldsOf(target)))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) fields.delete(name)
    else fields.set(name, merged(fields.get(name), value))
  }
  return Object.fromEntries(fields)
}

const OTHER_SPELLINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ConversationRelay: { silenceDetection: "SilenceDetection" },
  AssetLoader: { activeContextKey: "context", activeManifestKey: "manifest" },
}

/** A field under its first name, where it is not given under both. */
function oneSpelling(config: unknown): Fields {
  const fields = { ...fieldsOf(config) }
  for (const [section, names] of Object.entries(OTHER_SPELLINGS)) {
    const found = fields[section]
    if (!isObject(found)) continue
    fields[section] = Object.fromEntries(
      Object.entries(found).map(([name, value]) => {
        const first = Object.hasOwn(names, name) ? names[name] : undefined
        return [first === undefined || Object.hasOwn(found, first) ? name : first, value]
      }),
    )
  }
  return fields
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
