import type { Platform } from '@aduana/core/platform/platform';
import { NO_TRACER } from '@aduana/core/platform/tracer';
import { authenticate } from './authenticate/authenticate.ts';
import type { HandlerDependencies } from './handler-dependencies.ts';
import { countDecisions } from './telemetry/count-decisions.ts';
import { createMeasureOperation } from './telemetry/operation-telemetry.ts';
import { traceExchange, traceStage } from './telemetry/trace-stage.ts';

/**
 * Stages with their spans and counts.
 *
 * @param namesAreTrusted whether only the operator's own documents run
 */
export function measureStages<More extends object>(
  platform: Pick<Platform, 'clock' | 'metrics' | 'tracer'>,
  namesAreTrusted: boolean,
  stages: Omit<HandlerDependencies, 'authenticate' | 'measureOperation'> & More,
): HandlerDependencies & More {
  const { metrics, tracer = NO_TRACER } = platform;
  return {
    ...stages,
    authenticate: traceStage(tracer, 'authenticate', authenticate),
    exchange: traceExchange(tracer, stages.exchange),
    authorize: countDecisions(metrics, traceStage(tracer, 'authorize', stages.authorize)),
    plan: traceStage(tracer, 'plan', stages.plan),
    measureOperation: createMeasureOperation(platform, namesAreTrusted),
  };
}
