import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { OtlpSender } from './otlp-sender.ts';

/** @param onResult called after each export: how many spans were not taken, and why */
export function createSpanExporter(
  sender: OtlpSender,
  onResult: (dropped: number, error?: unknown) => void,
): SpanExporter {
  const send = async (spans: ReadableSpan[]): Promise<ExportResult> => {
    try {
      await sender.send('traces', ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array());
      onResult(0);
    } catch (error) {
      onResult(spans.length, error);
    }
    // What failed is counted and reported here: the SDK would only write it to the console.
    return { code: ExportResultCode.SUCCESS };
  };
  return {
    export(spans, done) {
      void send(spans).then(done);
    },
    shutdown: () => Promise.resolve(),
  };
}
