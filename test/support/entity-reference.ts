/** What a subgraph is sent of an entity: its key, and what its fields require. */
export interface Reference {
  readonly id: string;
  readonly [key: string]: unknown;
}

/** A `__resolveReference` that takes the representation as the entity. */
export const itself = (reference: Reference): Reference => reference;
