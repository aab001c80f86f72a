import { z } from 'zod';

/** Claims of the caller's token that a header may be set from. */
export const HEADER_CLAIMS = ['sub', 'sub_iss', 'client_id', 'roles', 'scope', 'jti'] as const;
export type HeaderClaim = (typeof HEADER_CLAIMS)[number];

/** Which headers pass between a client and a subgraph, names in lower case; whatever is not here does not. */
export interface HeaderRules {
  /** The client's name for it -> the subgraph's. */
  readonly request: ReadonlyMap<string, string>;
  /** Set by the gateway, whatever the client sends. */
  readonly set: ReadonlyMap<string, { readonly claim: HeaderClaim } | { readonly value: string }>;
  /** The subgraph's name for it -> the client's. */
  readonly response: ReadonlyMap<string, string>;
}

export const NO_HEADERS: HeaderRules = { request: new Map(), set: new Map(), response: new Map() };

/** What the gateway itself says to a subgraph is never taken from a client. */
const RESERVED_REQUEST =
  /^(authorization|cookie|host|client-cert.*|forwarded|x-forwarded-.*|content-.*|accept|traceparent|tracestate|connection|transfer-encoding|upgrade|te|trailer|keep-alive|proxy-.*|sec-websocket-.*|dpop)$/i;

/** What the gateway itself says to a client is never taken from a subgraph; nobody sets cookies here. */
const RESERVED_RESPONSE =
  /^(set-cookie.*|content-.*|cache-control|vary|connection|transfer-encoding|upgrade|te|trailer|keep-alive|proxy-.*|www-authenticate|access-control-.*|audit-id|retry-after|date|server|strict-transport-security|x-content-type-options|location)$/i;

/** Whether the gateway passes a client's header of this name to a subgraph that lists it. */
export function mayPassOn(header: string): boolean {
  return /^[a-z0-9-]{1,128}$/i.test(header) && !RESERVED_REQUEST.test(header);
}

const NAME = z.string().regex(/^[a-z0-9-]+$/i, 'is not a header name');
const lower = (name: string): string => name.toLowerCase();
const REQUEST_NAME = NAME.refine(
  (name) => !RESERVED_REQUEST.test(name),
  'is a header that only the gateway sets',
).transform(lower);
const RESPONSE_NAME = NAME.refine(
  (name) => !RESERVED_RESPONSE.test(name),
  'is a header that only the gateway sets',
).transform(lower);
const VALUE = z.string().regex(/^[\x20-\x7e]{0,1024}$/, 'is not a header value of visible ASCII');

/** Members of a subgraph's `aduana` block. */
export const HEADER_SETTINGS = {
  headers: z.array(REQUEST_NAME).default([]),
  rename_headers: z.record(REQUEST_NAME, REQUEST_NAME).default({}),
  set_headers: z
    .record(
      REQUEST_NAME,
      z.union(
        [z.strictObject({ claim: z.enum(HEADER_CLAIMS) }), z.strictObject({ value: VALUE })],
        `is neither { claim: ${HEADER_CLAIMS.join('|')} } nor { value: text }`,
      ),
    )
    .default({}),
  response_headers: z.array(RESPONSE_NAME).default([]),
  rename_response_headers: z.record(RESPONSE_NAME, RESPONSE_NAME).default({}),
} as const;

type Settings = z.output<z.ZodObject<typeof HEADER_SETTINGS>>;

/** @returns the rules, or what of them contradicts itself */
export function toHeaderRules(settings: Settings): HeaderRules | { readonly problem: string } {
  const request = together(settings.headers, settings.rename_headers);
  const response = together(settings.response_headers, settings.rename_response_headers);
  const set = new Map(Object.entries(settings.set_headers));
  const targets = [...request.values(), ...set.keys()];
  const twice = firstTwice(targets) ?? firstTwice([...response.values()]);
  return twice === undefined ? { request, set, response } : { problem: `two rules make the header ${twice}` };
}

function together(
  names: readonly string[],
  renamed: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  return new Map([...names.map((name) => [name, name] as const), ...Object.entries(renamed)]);
}

function firstTwice(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}
