import type { OracleGuard, OracleObject } from './oracle-world.ts';
import type { GuardedSubgraph } from './guarded-federation.ts';

export type SubgraphName = 'one' | 'two' | 'three';

export interface GeneratedFederation {
  readonly subgraphs: Readonly<Record<string, GuardedSubgraph>>;
  readonly guards: ReadonlyMap<string, OracleGuard>;
  readonly resolve: (object: OracleObject, field: string) => unknown;
  readonly types: TypeModel;
}

export interface FieldModel {
  readonly name: string;
  readonly base: string;
  /** Around the base, inside out: `!` or `[]`. */
  readonly wraps: readonly ('!' | '[]')[];
  readonly subgraph: SubgraphName;
}

export interface TypeModel {
  readonly fields: ReadonlyMap<string, readonly FieldModel[]>;
  /** The objects that a composite type may turn out to be. */
  readonly possible: ReadonlyMap<string, readonly string[]>;
}

/** The object types of every generated federation. */
export const OBJECTS = ['O0', 'O1', 'O2', 'O3'];
