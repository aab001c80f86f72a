import type { AccessTokenClaims, AuthenticationMethod } from '@aduana/core/tokens/access-token';
import type { Secret } from '@aduana/core/secrets/secret';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';

/** What a caller showed; checked for form alone, the STS says whether it holds. */
export type Credential =
  | { readonly kind: 'bearer'; readonly token: Secret }
  | { readonly kind: 'basic'; readonly header: Secret }
  | { readonly kind: 'certificate'; readonly chain: readonly Buffer[] };

/** A caller whom the STS vouches for: the gateway's own STS-signed token for this caller. */
export interface Caller {
  readonly claims: AccessTokenClaims;
  /** The `at+jwt` for audience `gateway`: the subject token of every narrowed one. */
  readonly subjectToken: Secret;
  readonly method: AuthenticationMethod;
  readonly certificateThumbprint: string | undefined;
  readonly address: string;
}

export interface Authenticated {
  readonly stage: 'authenticated';
  readonly credential: Credential;
  readonly trace: TraceContext;
}

export interface Delegated {
  readonly stage: 'delegated';
  readonly caller: Caller;
  readonly trace: TraceContext;
}

/** A document that parses, fits the schema and stays within the limits. */
export interface Validated {
  readonly stage: 'validated';
  readonly caller: Caller;
  readonly trace: TraceContext;
  readonly document: DocumentNode;
  /** SHA-256 of the document's text as sent, hex. */
  readonly documentHash: string;
  readonly operation: OperationDefinitionNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A path of the answer: response keys, and `"@"` for the elements of a list. */
export type ResponsePath = readonly string[];

/** A field that the caller may not use, and what it lacks. */
export interface Refusal {
  readonly path: ResponsePath;
  /** `Type.field`. */
  readonly coordinate: string;
  /** For the audit log and for `explain`: what the coordinate needs that the caller lacks. */
  readonly missing: readonly string[];
}

/** The operation of what this caller may do; nothing else reaches the planner. */
export interface Authorized {
  readonly stage: 'authorized';
  readonly caller: Caller;
  readonly trace: TraceContext;
  /** As the client sent it: shapes the answer (refused fields are null in it). */
  readonly original: DocumentNode;
  readonly originalOperation: OperationDefinitionNode;
  /** Refused fields are gone; undefined where nothing is left to run. */
  readonly document: DocumentNode | undefined;
  readonly operation: OperationDefinitionNode | undefined;
  /** SHA-256 of the printed rewritten document with the operation's name, hex: the key of plan and executor. */
  readonly operationKey: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly refusals: readonly Refusal[];
  /** Coordinates that run, for the audit event. */
  readonly fields: readonly string[];
  /** `@policy` names that hold for this request. */
  readonly policies: readonly string[];
  /** Scopes that the caller holds now: token and engine agree. */
  readonly scopes: ReadonlySet<string>;
}

/** What a narrowed token for one subgraph must carry. */
export interface Narrowing {
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly policies: readonly string[];
  readonly join: readonly string[];
}
