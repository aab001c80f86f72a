/** A subgraph as `supergraph.yaml` will name it. */
export interface ImportedSubgraph {
  readonly name: string;
  readonly url: string;
  /** Where its schema comes from: a file beside `supergraph.yaml`, the subgraph itself, or nowhere (a composed SDL came along). */
  readonly schema: { readonly file: string } | { readonly subgraph_url: string } | undefined;
  readonly sdl: string | undefined;
  /** The `aduana:` block. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** One line of `.env`. */
export interface ImportedVariable {
  readonly name: string;
  readonly value: string;
  readonly from: string;
}

/** A setting that was not taken over, and why. */
export interface Untaken {
  readonly setting: string;
  readonly reason: string;
}

/** An entry of `trusted_issuers.yaml`. */
export interface ImportedIssuer {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly algorithms: readonly string[];
  readonly audience: string;
}

/** What another gateway's files say, in Aduana's terms. */
export interface ImportedGraph {
  readonly subgraphs: readonly ImportedSubgraph[];
  /** A composed supergraph from elsewhere, served as it is. */
  readonly supergraphSdl: string | undefined;
  readonly variables: readonly ImportedVariable[];
  readonly issuers: readonly ImportedIssuer[];
  readonly untaken: readonly Untaken[];
}

export const EMPTY_GRAPH: ImportedGraph = {
  subgraphs: [],
  supergraphSdl: undefined,
  variables: [],
  issuers: [],
  untaken: [],
};
