import { useQuery } from '@tanstack/react-query';
import { usePermission } from '../session/use-session.ts';
import { CodedError, UnavailableError } from '../platform/failures.ts';
import type { GatewayStatus } from './shapes.ts';
import type { GraphView } from './use-graph.ts';

const EVERY_MS = 5000;
const RETRY_MS = 3000;
export const STATUS_PERMISSION = 'gateway:metrics:read';

async function fetchStatus(): Promise<GatewayStatus> {
  const response = await fetch('/gateway/status', { headers: { accept: 'application/json' } }).catch(() => {
    throw new UnavailableError(['console']);
  });
  if (response.status >= 500) throw new UnavailableError(['gateway']);
  if (!response.ok) throw new CodedError(`HTTP ${String(response.status)}`, '');
  return (await response.json()) as GatewayStatus;
}

/** What the gateway measured of itself over the last minutes. */
export function useGatewayStatus(): GraphView<{ status: GatewayStatus }> {
  const may = usePermission();
  const isEnabled = may(STATUS_PERMISSION);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['graph', 'gateway-status'],
    queryFn: fetchStatus,
    enabled: isEnabled,
    refetchInterval: ({ state }) => (state.status === 'error' ? RETRY_MS : EVERY_MS),
  });
  return {
    data: data === undefined ? undefined : { status: data },
    problems: {},
    away: error instanceof UnavailableError ? error.parts : [],
    error: error === null || error instanceof UnavailableError ? undefined : error,
    isLoading: isPending && isEnabled,
    reload: refetch,
  };
}
