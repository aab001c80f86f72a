import { type GraphQLSchema } from 'graphql';

/** What a test put on a coordinate: outer list OR, inner list AND. */
export interface OracleGuard {
  readonly authenticated?: boolean;
  readonly scopes?: readonly (readonly string[])[];
  readonly policies?: readonly (readonly string[])[];
}

/** Who asks, by what the guards ask for. */
export interface OracleCaller {
  readonly authenticated: boolean;
  readonly scopes: readonly string[];
  readonly policies: readonly string[];
}

/** The data, and what guards it. */
export interface OracleWorld {
  readonly schema: GraphQLSchema;
  /** By `Type` or `Type.field`, as the subgraphs' authors wrote them. */
  readonly guards: ReadonlyMap<string, OracleGuard>;
  readonly resolve: (object: OracleObject, field: string) => unknown;
}

export interface OracleObject {
  readonly __typename: string;
  readonly [member: string]: unknown;
}

export interface OracleAnswer {
  readonly data: unknown;
  /** Paths of refusals, joined with dots, in no order. */
  readonly refused: ReadonlySet<string>;
}
