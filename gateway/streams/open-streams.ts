import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { BodyStream } from '@aduana/core/http/route';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Platform } from '@aduana/core/platform/platform';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import type { RequestAudit } from '../audit/request-audit.ts';
import type { RefusalPlacement } from '../authorize/place-refusals.ts';
import type { CompletionBudget } from '../limits/completion-turn.ts';
import { createOpenSender } from '../execute/shared/send-fetch.ts';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import { parsedBytes } from '../limits/parsed-bytes.ts';
import type { SharedRoom } from '../limits/shared-room.ts';
import type { StreamLimits } from '../limits/stream-limits.ts';
import type { Authorized, Validated } from '../stages.ts';
import type { RequestFetcher } from '../subgraphs/forward.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { SupergraphManager } from '../supergraph/supergraph-manager.ts';
import { type AuditGate, createAuditGate } from './audit-gate.ts';
import { deferredBody, type UnfinishedAnswer } from './deferred-answer.ts';
import { completeDecision, type DecidedSubscription, type DecidingStages } from './decide-subscription.ts';
import { StreamCaller, type StreamAdmission, type StreamCallerOptions } from './stream-caller.ts';
import type { StreamEnd } from './stream-end.ts';
import { createStreamSupervisor, type StreamSupervisor } from './stream-supervisor.ts';
import { Subscriber, type StreamClient } from './subscriber.ts';
import { Subscription, type SubscriptionOptions } from './subscription.ts';

export interface OpenStreamsOptions {
  readonly stages: DecidingStages;
  readonly policies: Pick<LivePolicies, 'current' | 'onChange'>;
  readonly supergraph: Pick<SupergraphManager, 'current' | 'onUpdate'>;
  readonly status: StatusView;
  readonly limitClaims: StreamCallerOptions['limitClaims'];
  readonly environment: string;
  readonly audit: AuditSink;
  readonly limits: StreamLimits;
  /** What all answers of subgraphs and events of their streams may take together. */
  readonly room: SharedRoom;
  /** Whose turn it is to complete an event. */
  readonly budget?: CompletionBudget | undefined;
  readonly refusals: RefusalPlacement;
  readonly platform: Platform;
  readonly isSupported: boolean;
  readonly share: boolean;
  readonly heartbeatMs: number;
  readonly longestLifeMs: number | 'off';
  readonly bufferBytes: number;
  readonly messagesPerSecond: number | 'off';
  readonly operationTimeoutMs: number;
}

/** A subscription that is to be opened: only what has been authorized can be. */
export interface WantedStream {
  readonly request: GraphqlRequest;
  readonly validated: Validated;
  readonly authorized: Authorized;
  readonly supergraph: LoadedSupergraph;
}

/** By whom, and over what. */
export interface StreamOpening {
  readonly caller: StreamCaller;
  /** To the subgraphs of a supergraph: a later one may have them elsewhere. */
  readonly forward: (supergraph: LoadedSupergraph) => RequestFetcher;
  readonly requestAudit: RequestAudit;
  /** Streams of the same key and document are one; undefined: this one is shared with nobody. */
  readonly shareKey: string | undefined;
}

/** An open stream whose client gets nothing yet. */
export interface OpenedStream {
  /** Once its `stream.open` event is durable. Returns what ends it, by default because the client leaves. */
  attach(client: StreamClient): (end?: StreamEnd) => void;
  cancel(): void;
}

export interface OpenStreams {
  admit(admission: StreamAdmission): StreamCaller;
  /** @throws SecurityError `STREAMS_UNSUPPORTED`, `STREAMS_LIMITED`, `OVERLOADED`, or why the subgraph's stream is not there */
  open(wanted: WantedStream, opening: StreamOpening): Promise<OpenedStream>;
  /** The body of an answer that comes in parts. */
  finish(answer: UnfinishedAnswer, caller: StreamCaller): BodyStream;
  readonly supervisor: StreamSupervisor;
  /** Ends all streams and waits until their ends are recorded. */
  close(): Promise<void>;
}

export function createOpenStreams(options: OpenStreamsOptions): OpenStreams {
  const { platform, policies, status, supergraph, limits } = options;
  const { clock, log } = platform;
  const gate = createAuditGate(options.audit, clock);
  const supervisor = createStreamSupervisor({ clock, log, engine: () => policies.current(), status });
  const touch = (): void => {
    supervisor.touch();
  };
  const touchStatus = (): void => {
    supervisor.touchStatus();
  };
  const following = [status.onChange(touchStatus), policies.onChange(touch)];
  supergraph.onUpdate(touch);
  const subscribe = createSubscribe(options, supervisor, gate);
  const asCaller: StreamCallerOptions = {
    status,
    engine: () => policies.current(),
    limitClaims: options.limitClaims,
    environment: options.environment,
  };
  return {
    supervisor,
    admit: (admission) => new StreamCaller(asCaller, admission),
    async open(wanted, opening) {
      if (!options.isSupported)
        throw new SecurityError('STREAMS_UNSUPPORTED', { detail: 'EXECUTOR=apollo serves no streams' });
      if (supervisor.isDraining) throw new SecurityError('NOT_READY', { detail: 'stopping' });
      const leave = limits.take(wanted.authorized.caller, bytesOf(wanted.request));
      try {
        const subscription = await subscribe(wanted, opening);
        opening.requestAudit.opensStream = true;
        opening.requestAudit.subgraphs = subgraphsOf(subscription);
        return toOpened(subscription, wanted.authorized, opening, leave, { options, gate });
      } catch (error) {
        leave();
        throw error;
      }
    },
    finish: (answer, caller) =>
      deferredBody(answer, caller, {
        authorize: options.stages.authorize,
        supervisor,
        refusals: options.refusals,
        clock,
        log,
      }),
    async close() {
      supervisor.drain();
      for (const stop of following) stop();
      await supervisor.stop();
      await gate.close();
    },
  };
}

/** What a stream keeps of its request, with what its variables were parsed into. */
function bytesOf({ query = '', variables }: GraphqlRequest): number {
  const sent = JSON.stringify(variables);
  return query.length + sent.length + parsedBytes(sent);
}

function subgraphsOf({ decided }: Subscription): readonly string[] {
  return [...decided.narrowings.keys()];
}

function toOpened(
  subscription: Subscription,
  { trace }: Authorized,
  { requestAudit }: StreamOpening,
  leave: () => void,
  { options, gate }: { readonly options: OpenStreamsOptions; readonly gate: AuditGate },
): OpenedStream {
  const { platform, bufferBytes, heartbeatMs, longestLifeMs } = options;
  return {
    attach(client) {
      const subscriber = new Subscriber({
        client,
        recorded: { id: requestAudit.id, actor: requestAudit.actor, trace },
        gate,
        clock: platform.clock,
        bufferBytes,
        heartbeatMs,
        longestLifeMs,
        onEnd() {
          leave();
          subscription.leave(subscriber);
        },
      });
      subscription.join(subscriber);
      return (end = { reason: 'client_left', code: undefined }) => {
        subscriber.end(end);
      };
    },
    cancel() {
      leave();
      subscription.forget();
    },
  };
}

/** Opens subscriptions; those that ask the same of the same subgraphs for the same caller are one. */
function createSubscribe(options: OpenStreamsOptions, supervisor: StreamSupervisor, gate: AuditGate) {
  const shared = new Map<string, Promise<Subscription>>();
  const { stages, platform, supergraph, refusals, room, budget } = options;
  const { bufferBytes, messagesPerSecond, operationTimeoutMs } = options;
  const subscriptionOptions: SubscriptionOptions = {
    stages,
    openSender: createOpenSender(undefined),
    supergraph: () => supergraph.current(),
    supervisor,
    gate,
    refusals,
    clock: platform.clock,
    log: platform.log,
    room,
    budget,
    bufferBytes,
    messagesPerSecond,
    operationTimeoutMs,
  };
  return async (wanted: WantedStream, opening: StreamOpening) => {
    const { request, validated, authorized } = wanted;
    const decided = await completeDecision(authorized, wanted.supergraph, stages);
    const { caller, forward } = opening;
    const key = keyOf(opening, wanted, decided, options.share);
    const known = await shared.get(key);
    if (known?.ended === undefined && known !== undefined) {
      known.expect();
      return known;
    }
    const parts = { request, caller, forward, supergraph: wanted.supergraph, validated, decided };
    const subscription = new Subscription(subscriptionOptions, parts, () => shared.delete(key));
    subscription.expect();
    const opened = subscription.open().then(() => subscription);
    if (key !== '') shared.set(key, opened);
    return opened;
  };
}

function keyOf(
  { shareKey, forward }: StreamOpening,
  { supergraph, validated: { documentHash, operationName, variables } }: WantedStream,
  { authorized, narrowings }: DecidedSubscription,
  share: boolean,
): string {
  if (!share || shareKey === undefined) return '';
  const { claims, address, certificateThumbprint, method } = authorized.caller;
  const fetcher = forward(supergraph);
  const forwarded = [...narrowings.keys()].map((subgraph) => fetcher.forwarded?.(subgraph));
  const asked = JSON.stringify([
    shareKey, claims.jti, address, certificateThumbprint, method,
    documentHash, operationName, variables, authorized.operationKey, forwarded,
  ]); // prettier-ignore
  return sha256Base64url(asked);
}
