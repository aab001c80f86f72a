import { type Secret, SecurityError, subscribeGateway } from '@aduana/client';
import type { GatewayStream } from '@aduana/client';
import { type BrowserRules, checkBrowserRules } from '@aduana/core/http/browser-rules';
import type { BodySink, Route } from '@aduana/core/http/route';
import { formatEvent } from '@aduana/core/wire/event-stream';

export interface StreamRouteOptions {
  readonly gateway: Parameters<typeof subscribeGateway>[0];
  /** The BFF's own token for the gateway. */
  readonly ownToken: () => Promise<Secret>;
  readonly browser: BrowserRules;
}

const DOCUMENT = 'subscription LeadChanged { leadChanged { id company score status } }';
const MOST_WAITING_BYTES = 65_536;

/**
 * `GET /api/lead-changes`: the page's own stream of events. It ends where the gateway ends it, and the browser opens
 * another one.
 */
export function createStreamRoute({ gateway, ownToken, browser }: StreamRouteOptions): Route {
  return {
    method: 'GET',
    path: '/api/lead-changes',
    async handle(request) {
      checkBrowserRules(request, browser);
      const token = await ownToken();
      const { signal } = request;
      const stream = await subscribeGateway(gateway, { document: DOCUMENT, token, signal });
      if (stream.status !== 200)
        throw new SecurityError('GATEWAY_UNAVAILABLE', {
          detail: `the gateway answered ${String(stream.status)}`,
        });
      return {
        status: 200,
        headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
        stream: {
          start: (sink) => void pass(stream, sink),
          cancel: () => {
            stream.close();
          },
        },
      };
    },
  };
}

/** What the gateway says beside the lead itself stays here. */
async function pass({ messages, close }: GatewayStream, sink: BodySink): Promise<void> {
  sink.onClose(close);
  sink.write(':\n\n');
  try {
    for await (const { data } of messages) {
      const lead = data?.['leadChanged'];
      if (lead !== undefined && lead !== null) sink.write(formatEvent('lead', JSON.stringify(lead)));
      if (sink.waitingBytes > MOST_WAITING_BYTES) break;
    }
  } catch {
    // the browser opens another one
  }
  sink.end();
}
