import { type DisposalScope, startInScope, stopIt } from '../platform/disposal-scope.ts';
import { type HttpService, type HttpServiceOptions, openHttpService } from './service.ts';
import type { RunningService } from './service-platform.ts';

/**
 * Starts a service that listens with mTLS on one port: live at once, ready when `open` has called `serve`.
 *
 * @param open opens what the service needs, in `scope`; it is closed, the last opened first, after the last request
 * @throws what `open` throws, with everything closed that was opened before; ConfigurationError when a port cannot be had
 */
export async function startHttpService(
  options: HttpServiceOptions,
  open: (scope: DisposalScope, http: HttpService) => Promise<void>,
): Promise<RunningService> {
  return startInScope(async (scope) => {
    const http = scope.add(await openHttpService(options), stopIt);
    await open(scope, http);
    // What requests need is closed after the last of them.
    scope.add(http, stopIt);
    return {
      name: options.name,
      url: `https://localhost:${String(http.ports[0])}`,
      isReady: () => http.isReady(),
      drain: () => {
        http.drain();
      },
      stop: () => scope.close(),
    };
  });
}
