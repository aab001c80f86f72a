import { SecurityError } from '@aduana/core/errors/security-error';
import type { Span, TraceContext, Tracer } from '@aduana/core/platform/tracer';
import type { Authenticated, Delegated } from '../stages.ts';

interface Traced {
  readonly trace: TraceContext;
}

/** A stage with a span of its own beneath that of its input; the same function where nothing is traced. */
export function traceStage<Input extends Traced, Rest extends readonly unknown[], Output>(
  tracer: Tracer,
  name: string,
  stage: (input: Input, ...rest: Rest) => Output,
): (input: Input, ...rest: Rest) => Output {
  if (!tracer.enabled) return stage;
  return (input, ...rest) => {
    const span = tracer.start(name, input.trace);
    if (span === undefined) return stage(input, ...rest);
    return endWith(span, () => stage(input, ...rest));
  };
}

/** The exchange, whose calls to the STS are beneath its span; what comes after it is not. */
export function traceExchange<Rest extends readonly unknown[]>(
  tracer: Tracer,
  exchange: (authenticated: Authenticated, ...rest: Rest) => Promise<Delegated>,
): (authenticated: Authenticated, ...rest: Rest) => Promise<Delegated> {
  if (!tracer.enabled) return exchange;
  return async (authenticated, ...rest) => {
    const span = tracer.start('exchange', authenticated.trace);
    if (span === undefined) return exchange(authenticated, ...rest);
    const beneath = { ...authenticated, trace: span.trace };
    const delegated = await endWith(span, () => exchange(beneath, ...rest));
    return { ...delegated, trace: authenticated.trace };
  };
}

function endWith<Output>(span: Span, run: () => Output): Output {
  let output: Output;
  try {
    output = run();
  } catch (error) {
    span.end(errorType(error));
    throw error;
  }
  if (output instanceof Promise)
    output.then(
      () => {
        span.end();
      },
      (error: unknown) => {
        span.end(errorType(error));
      },
    );
  else span.end();
  return output;
}

function errorType(error: unknown): string {
  return error instanceof SecurityError ? error.code : 'INTERNAL_SERVER_ERROR';
}
