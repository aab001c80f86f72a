import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { NO_TRACER, type Tracer } from '@aduana/core/platform/tracer';
import { acceptTrace } from '@aduana/core/wire/accept-trace';
import { formatTraceparent, parseTraceContext } from '@aduana/core/wire/trace-context';
import { createSampler } from '@aduana/server-kit/telemetry/sampler';
import { expect, test } from '@jest/globals';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const UNSAMPLED = `00-${TRACE}-${SPAN}-00`;
const PEER = { spiffeId: 'spiffe://aduana.local/bff' } as PeerIdentity;

function accept(
  traceparent: string | undefined,
  sampler: Parameters<typeof createSampler>[0]['OTEL_TRACES_SAMPLER'],
  { peer, registered = true, ratio = 1 }: { peer?: PeerIdentity; registered?: boolean; ratio?: number } = {},
) {
  const samples = createSampler({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio });
  const tracer: Tracer = { ...NO_TRACER, enabled: true, samples };
  return acceptTrace(traceparent, peer, { tracer, honoursFlag: () => registered });
}

test("a caller's trace is continued, with a span of this service's own beneath the caller's", () => {
  const trace = accept(SAMPLED, 'parentbased_always_on');
  expect(trace).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  expect(trace.spanId).not.toBe(SPAN);
  expect(formatTraceparent(trace)).toBe(`00-${TRACE}-${trace.spanId}-01`);
  expect(parseTraceContext(undefined).parentSpanId).toBeUndefined();
});

test.each<[string, string, Parameters<typeof accept>[2], boolean]>([
  ['of a registered service: recorded', SAMPLED, { peer: PEER }, true],
  ['of a registered service: not recorded', UNSAMPLED, { peer: PEER }, false],
])('the flag %s', (_name, traceparent, caller, sampled) => {
  const [on, off] = ['parentbased_always_on', 'parentbased_always_off'] as const;
  expect(accept(traceparent, on, caller).sampled).toBe(sampled);
  expect(accept(traceparent, off, caller).sampled).toBe(sampled);
});

test.each([{ peer: PEER, registered: false }, {}])(
  'the flag of a caller that shows no certificate of a registered service counts nothing: %j',
  (caller) => {
    expect(accept(SAMPLED, 'parentbased_always_off', caller).sampled).toBe(false);
    expect(accept(UNSAMPLED, 'parentbased_always_on', caller).sampled).toBe(true);
  },
);

test('who chooses the id of a trace does not choose whether it is recorded', () => {
  const lowest = `00-${'0'.repeat(31)}1-${SPAN}-01`;
  const recorded = Array.from({ length: 2_000 }, () => accept(lowest, 'parentbased_traceidratio', { ratio: 0.1 })).filter(({ sampled }) => sampled).length;
  expect(recorded).toBeGreaterThan(100);
  expect(recorded).toBeLessThan(320);
}); // prettier-ignore

test('services of one deployment decide alike by the id, where the sampler looks at no parent', () => {
  const decide = (traceId: string): boolean =>
    accept(`00-${traceId}-${SPAN}-00`, 'traceidratio', { peer: PEER, ratio: 0.5 }).sampled;
  expect([decide(`${'0'.repeat(31)}1`), decide('f'.repeat(32))]).toEqual([true, false]);
});

test('without a tracer nothing is recorded, and the flag of a registered service is handed on', () => {
  const take = (traceparent: string, registered: boolean): boolean =>
    acceptTrace(traceparent, PEER, { tracer: NO_TRACER, honoursFlag: () => registered }).sampled;
  expect([take(SAMPLED, true), take(UNSAMPLED, true), take(SAMPLED, false)]).toEqual([true, false, false]);
});
