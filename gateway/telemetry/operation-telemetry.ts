import { SecurityError } from '@aduana/core/errors/security-error';
import type { HistogramSeries } from '@aduana/core/platform/metrics';
import type { Platform } from '@aduana/core/platform/platform';
import { NO_TRACER, type Span } from '@aduana/core/platform/tracer';
import type { RequestAudit } from '../audit/request-audit.ts';
import type { Delegated } from '../stages.ts';

/** Runs one operation and measures it; its stages are beneath its span. */
export type MeasureOperation = <Answer>(
  delegated: Delegated,
  requestAudit: RequestAudit,
  run: (delegated: Delegated) => Promise<Answer>,
) => Promise<Answer>;

type Parts = Pick<Platform, 'clock' | 'metrics' | 'tracer'>;
type Observe = (requestAudit: RequestAudit, outcome: RequestAudit['outcome'], seconds: number) => void;

const UNNAMED = 'GraphQL Operation';
const UNKNOWN = 'unknown';
const NAME_CHARACTERS = 256;
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429]);

/** @param namesAreTrusted whether operations are named by the operator's own documents, so that their names are few */
export function createMeasureOperation(
  { clock, metrics, tracer = NO_TRACER }: Parts,
  namesAreTrusted: boolean,
): MeasureOperation {
  const observe = createObserve(metrics, namesAreTrusted);
  return async (delegated, requestAudit, run) => {
    const startedAt = clock.monotonic();
    const span = tracer.start(UNNAMED, delegated.trace, 'server');
    let outcome: RequestAudit['outcome'] | undefined;
    try {
      return await run(span === undefined ? delegated : { ...delegated, trace: span.trace });
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      outcome ??= requestAudit.outcome;
      observe(requestAudit, outcome, (clock.monotonic() - startedAt) / 1000);
      if (span !== undefined) endSpan(span, requestAudit, outcome);
    }
  };
}

/** Series are kept by their labels; an operation like the one before costs no look-up. */
function createObserve(metrics: Pick<Platform['metrics'], 'histogram'>, namesAreTrusted: boolean): Observe {
  const histogram = metrics.histogram('graphql_operation_duration_seconds');
  const byName = new Map<string, Map<string, Map<string, HistogramSeries>>>();
  const last = { name: '', kind: '', outcome: '', series: undefined as HistogramSeries | undefined };
  return ({ operationName, operationKind: kind = UNKNOWN }, outcome, seconds) => {
    const name = namesAreTrusted ? (operationName ?? '') : '';
    if (last.name === name && last.kind === kind && last.outcome === outcome) {
      last.series?.observe(seconds);
      return;
    }
    let byKind = byName.get(name);
    if (byKind === undefined) byName.set(name, (byKind = new Map<string, Map<string, HistogramSeries>>()));
    let byOutcome = byKind.get(kind);
    if (byOutcome === undefined) byKind.set(kind, (byOutcome = new Map<string, HistogramSeries>()));
    let series = byOutcome.get(outcome);
    if (series === undefined) {
      const labels = {
        graphql_operation_type: kind,
        graphql_operation_name: name,
        outcome: outcome.toLowerCase(),
      };
      byOutcome.set(outcome, (series = histogram.bind(labels)));
    }
    Object.assign(last, { name, kind, outcome, series });
    series.observe(seconds);
  };
}

function outcomeOf(error: unknown): RequestAudit['outcome'] {
  return error instanceof SecurityError && REFUSED.has(error.status) ? 'DENIED' : 'FAILED';
}

/** An operation's name is the client's text, and the only one: the language allows letters, digits and `_` alone. */
function endSpan(
  span: Span,
  { operationName, operationKind, code }: RequestAudit,
  outcome: RequestAudit['outcome'],
): void {
  const name = operationName?.slice(0, NAME_CHARACTERS);
  if (operationKind !== undefined) {
    span.rename(name === undefined ? operationKind : `${operationKind} ${name}`);
    span.set('graphql.operation.type', operationKind);
  }
  if (name !== undefined) span.set('graphql.operation.name', name);
  span.set('aduana.outcome', outcome.toLowerCase());
  span.end(outcome === 'FAILED' ? (code ?? 'FAILED') : undefined);
}
