import type { AccessTokenClaims, AuthenticationMethod } from '@aduana/core/tokens/access-token';
import type { Secret } from '@aduana/core/secrets/secret';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import type { DocumentNode, FieldNode, OperationDefinitionNode, OperationTypeNode } from 'graphql';

/** What a caller showed; checked for form alone, the STS says whether it holds. */
export type Credential =
  | { readonly kind: 'bearer' | 'dpop'; readonly token: Secret }
  | { readonly kind: 'basic'; readonly header: Secret }
  | { readonly kind: 'certificate'; readonly chain: readonly Buffer[] };

/** A caller whom the STS vouches for: the gateway's own STS-signed token for this caller. */
export interface Caller {
  readonly claims: AccessTokenClaims;
  /** The `at+jwt` for audience `gateway`: the subject token of every narrowed one. */
  readonly subjectToken: Secret;
  readonly method: AuthenticationMethod;
  /** Whether what it showed is bound to a key that it has proved to hold; `claims.cnf` may be this gateway's own. */
  readonly provesPossession: boolean;
  /** Of the client certificate of this connection, whichever credential was used. */
  readonly certificateThumbprint: string | undefined;
  readonly spiffeId: string | undefined;
  /** Of the client's certificate, as `DNS:name` or `URI:uri`. */
  readonly subjectAltNames?: readonly string[] | undefined;
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
  /** The client takes its answer in parts: `@defer` is carried out. */
  readonly incremental?: boolean;
}

/** A path of the answer: response keys, and `"@"` for the elements of a list. */
export type ResponsePath = readonly string[];

/** A field that the caller may not use, and what it lacks. */
export interface Refusal {
  readonly path: ResponsePath;
  /** `Type.field`. */
  readonly coordinate: string;
  /** Numbers of the supergraph's requirements that are not met. */
  readonly lacks: readonly number[];
  /** For the audit log and for `explain`: what the coordinate needs that the caller lacks. */
  readonly missing: readonly string[];
  /** The parts of an incremental answer that report it, `FIRST_PART` among them; undefined where there is one answer. */
  readonly parts?: readonly string[];
}

/** What of an incremental answer comes first. */
export const FIRST_PART = '';

/** A field of the answer, as the client asked for it. */
export interface ShapeField {
  readonly kind: 'field';
  /** The client's response key. */
  readonly key: string;
  /** The key under which the executed document asks for it; another one where the planner would mix fields up. */
  readonly dataKey: string;
  readonly name: string;
  readonly node: FieldNode;
  /** Null for this caller; so is everything below it. */
  readonly refused: boolean;
  /** Empty for leaves. */
  readonly selections: readonly ShapeSelection[];
}

export interface ShapeFragment {
  readonly kind: 'fragment';
  /** A type's name, also where the client wrote no type condition. */
  readonly on: string;
  readonly selections: readonly ShapeSelection[];
  /** It comes later, in a part of its own. */
  readonly defer?: Deferral | undefined;
}

/** A `@defer` that is carried out. */
export interface Deferral {
  /** Unique in the operation, and the same for all rights: the planner's label of it. */
  readonly part: string;
  /** The client's. */
  readonly label: string | undefined;
}

export type ShapeSelection = ShapeField | ShapeFragment;

/**
 * What the answer looks like: the original operation with its fragments in place and `@skip` and `@include`
 * carried out. A response key is null when all its collected fields are refused; a refused non-null field
 * propagates as any null does, without an error of its own. The same object serves every request that
 * shares the rewrite, so whatever is compiled from it can hang on it.
 */
export interface Shape {
  readonly kind: OperationTypeNode;
  readonly rootType: string;
  readonly selections: readonly ShapeSelection[];
  /** Something in it comes later. */
  readonly defers?: boolean;
}

/** The operation of what this caller may do; nothing else reaches the planner. */
export interface Authorized {
  readonly stage: 'authorized';
  readonly caller: Caller;
  readonly trace: TraceContext;
  /** SHA-256 of the document's text as sent, hex. */
  readonly documentHash: string;
  readonly original: DocumentNode;
  readonly originalOperation: OperationDefinitionNode;
  readonly shape: Shape;
  /** Refused and skipped fields are gone, and so is introspection; undefined where nothing is left to fetch. */
  readonly document: DocumentNode | undefined;
  readonly operation: OperationDefinitionNode | undefined;
  /** SHA-256 of the printed rewritten document with the operation's name, hex: the key of plan and executor. */
  readonly operationKey: string;
  /** Of that printed document, in characters. */
  readonly operationLength: number;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What the answer's `errors` report; empty in dry_run mode. */
  readonly refusals: readonly Refusal[];
  /** What would be refused, where the mode is dry_run. */
  readonly unenforced: readonly Refusal[];
  /** No root field is left: `data: null`. */
  readonly everythingRefused: boolean;
  /** Reject mode, and something is refused: HTTP 403 with the errors, nothing runs. */
  readonly rejected: boolean;
  /** Coordinates that run, for the audit event and the narrowing. */
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
