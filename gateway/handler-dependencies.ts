import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { BrowserRules } from '@aduana/core/http/browser-rules';
import type { Platform } from '@aduana/core/platform/platform';
import type { AnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Authenticate } from './authenticate/authenticate.ts';
import type { Exchange } from './exchange/exchange.ts';
import type { CallerLimits } from './limits/caller-limits.ts';
import type { OperationDependencies } from './run-operation.ts';
import type { OpenStreams } from './streams/open-streams.ts';
import type { Forward } from './subgraphs/forward.ts';
import type { LoadedSupergraph } from './supergraph/loaded-supergraph.ts';
import type { MeasureOperation } from './telemetry/operation-telemetry.ts';
import type { Traffic } from './traffic/traffic.ts';

/** What requests and connections to `/graphql` need. */
export interface HandlerDependencies extends OperationDependencies {
  readonly platform: Platform;
  readonly browser: BrowserRules;
  readonly limits: {
    readonly bodyBytes: number;
    readonly batch: number | 'off';
    readonly values: number | 'off';
  };
  readonly callers: CallerLimits;
  /** What policies call the place where this gateway runs. */
  readonly environment: string;
  readonly authenticate: Authenticate;
  readonly exchange: Exchange;
  readonly measureOperation: MeasureOperation;
  readonly forward: Forward;
  readonly audit: AuditSink;
  readonly flood: AnonymousFlood;
  readonly traffic: Traffic;
  readonly engine: () => Engine;
  readonly supergraph: () => LoadedSupergraph;
  readonly streams: OpenStreams;
}
