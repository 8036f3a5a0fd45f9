/** The operations on contexts, manifests and the configuration, for the description of the API. */

import type { z } from "zod"
import {
  AssetView,
  ConfigBody,
  ConfigVersion,
  ConfigView,
  ContextBody,
  ContextList,
  ContextVersion,
  ContextView,
  Deleted,
  ManifestBody,
  ManifestList,
  ManifestVersion,
  ManifestView,
  VersionList,
} from "./asset-views.ts"
import type { Operation } from "./operation.ts"

type Keyed = {
  noun: string
  list: z.ZodType
  view: z.ZodType
  version: z.ZodType
  body: z.ZodType
  bodyAlso?: string
}

const READ = [401, 403]
const FIND = [400, 401, 403, 404]
const WRITE = [400, 401, 403, 409, 413, 415, 502, 503]

function keyed({ noun, list, view, version, body, bodyAlso }: Keyed): Operation[] {
  const path = `/v1/${noun}s`
  const one = `${path}/{key}`
  return [
    { method: "get", path, summary: `List the ${noun}s in force`, status: 200, answer: list, errors: READ },
    { method: "get", path: one, summary: `Read a ${noun}`, status: 200, answer: view, errors: FIND },
    {
      method: "put",
      path: one,
      summary: `Store a ${noun}; the next call uses it`,
      body,
      ...(bodyAlso === undefined ? {} : { bodyAlso }),
      status: 200,
      answer: AssetView,
      errors: WRITE,
    },
    {
      method: "delete",
      path: one,
      summary: `Delete what was stored; a ${noun} of a file shows again`,
      status: 200,
      answer: Deleted,
      errors: [...FIND, 409, 502, 503],
    },
    {
      method: "get",
      path: `${one}/versions`,
      summary: `Versions of a ${noun}, newest first`,
      status: 200,
      answer: VersionList,
      errors: FIND,
    },
    {
      method: "get",
      path: `${one}/versions/{version}`,
      summary: `Read one version of a ${noun}`,
      status: 200,
      answer: version,
      errors: FIND,
    },
  ]
}

const config = "/v1/config"

export const ASSET_OPERATIONS: readonly Operation[] = [
  ...keyed({
    noun: "context",
    list: ContextList,
    view: ContextView,
    version: ContextVersion,
    body: ContextBody,
    bodyAlso: "text/markdown",
  }),
  ...keyed({
    noun: "manifest",
    list: ManifestList,
    view: ManifestView,
    version: ManifestVersion,
    body: ManifestBody,
  }),
  {
    method: "get",
    path: config,
    summary: "Read the configuration",
    status: 200,
    answer: ConfigView,
    errors: READ,
  },
  {
    method: "put",
    path: config,
    summary: "Replace the configuration; it is checked as a whole first",
    body: ConfigBody,
    status: 200,
    answer: ConfigView,
    errors: WRITE,
  },
  {
    method: "patch",
    path: config,
    summary: "Change single fields of the configuration; null takes one away",
    body: ConfigBody,
    status: 200,
    answer: ConfigView,
    errors: WRITE,
  },
  {
    method: "delete",
    path: config,
    summary: "Delete the stored configuration; that of the file shows again",
    status: 200,
    answer: ConfigView,
    errors: [401, 403, 409, 502, 503],
  },
  {
    method: "get",
    path: `${config}/versions`,
    summary: "Versions of the configuration, newest first",
    status: 200,
    answer: VersionList,
    errors: READ,
  },
  {
    method: "get",
    path: `${config}/versions/{version}`,
    summary: "Read one version of the configuration",
    status: 200,
    answer: ConfigVersion,
    errors: [401, 403, 404],
  },
]
