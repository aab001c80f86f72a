import type { Tracer } from '@aduana/core/platform/tracer';
import type { TelemetrySettings } from '../config/telemetry-settings.ts';

const PARENT_BASED = 'parentbased_';
/** The part of an id that decides: 56 bits, as the W3C asks of random trace ids. */
const DECIDING_DIGITS = 14;
const RANGE = 2 ** (4 * DECIDING_DIGITS);

/**
 * Whether a request's trace is recorded, by OTEL_TRACES_SAMPLER. A ratio is decided by the trace's id where the caller's
 * flag counts, and else by this service's own random id: who chooses an id must not choose what is recorded.
 */
export function createSampler({
  OTEL_TRACES_SAMPLER: name,
  OTEL_TRACES_SAMPLER_ARG: ratio,
}: Pick<TelemetrySettings, 'OTEL_TRACES_SAMPLER' | 'OTEL_TRACES_SAMPLER_ARG'>): Tracer['samples'] {
  const isParentBased = name.startsWith(PARENT_BASED);
  const root = isParentBased ? name.slice(PARENT_BASED.length) : name;
  return ({ traceId, spanId }, parentSampled) => {
    if (isParentBased && parentSampled !== undefined) return parentSampled;
    if (root === 'always_on') return true;
    if (root === 'always_off') return false;
    const id = parentSampled === undefined ? spanId : traceId;
    return Number.parseInt(id.slice(-DECIDING_DIGITS), 16) < ratio * RANGE;
  };
}
