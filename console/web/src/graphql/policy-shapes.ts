/** What the documents of the pages Policies and Graph are answered with. */

export interface RoleShape {
  readonly name: string;
  readonly inherits: readonly string[];
  readonly permissions: readonly string[];
  readonly location: string | null;
  readonly rules: readonly {
    readonly id: string;
    readonly effect: string;
    readonly permission: string;
    readonly when: readonly string[];
    readonly unless: readonly string[];
    readonly location: string | null;
  }[];
  readonly holders: readonly {
    readonly service: string | null;
    readonly issuer: string | null;
    readonly claim: string | null;
    readonly value: string | null;
    readonly location: string;
  }[];
}

export interface PolicyVersionShape {
  readonly version: number;
  readonly sha256: string;
  readonly at: string;
  readonly available: boolean;
}

export interface PoliciesData {
  readonly policySet: { readonly sha256: string; readonly loadedAt: string } | null;
  readonly roles: readonly RoleShape[] | null;
  readonly policyVersions: readonly PolicyVersionShape[] | null;
}

export interface PolicyDiffData {
  readonly policyDiff: {
    readonly changes: readonly {
      readonly subject: string;
      readonly action: string | null;
      readonly policy: string | null;
      readonly before: string;
      readonly after: string;
      readonly rule: string | null;
      readonly location: string | null;
    }[];
    readonly more: number;
  } | null;
}

export interface PolicyTestsData {
  readonly policyTests:
    | readonly {
        readonly name: string;
        readonly location: string;
        readonly because: string | null;
        readonly passed: boolean;
        readonly expected: string;
        readonly actual: string;
      }[]
    | null;
}

export interface ExplainData {
  readonly explainAccess:
    | readonly {
        readonly action: string;
        readonly coordinate: string | null;
        readonly allowed: boolean;
        readonly rule: string | null;
        readonly location: string | null;
        readonly rolePath: readonly string[];
        readonly nearMisses: readonly string[];
      }[]
    | null;
}

export interface GraphFieldShape {
  readonly name: string;
  readonly coordinate: string;
  readonly type: string;
  readonly coverage: string;
  readonly requirement: string | null;
  readonly subgraphs: readonly string[];
  readonly reachableBy: readonly string[];
}

export interface GraphData {
  readonly graphCoverage: {
    readonly guarded: number;
    readonly authenticated: number;
    readonly open: number;
    readonly types: readonly {
      readonly name: string;
      readonly kind: string;
      readonly subgraphs: readonly string[];
      readonly fields: readonly GraphFieldShape[];
    }[];
  } | null;
}
