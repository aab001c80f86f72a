import { createForeignSettings, type ForeignSettings } from './foreign-settings.ts';
import { toPort } from './foreign-values.ts';
import type { ImportedGraph, ImportedSubgraph } from './imported-graph.ts';

/** How the configuration of another product's gateway is read. */
export interface ForeignGateway {
  /** Why members have no counterpart, by the start of their path. */
  readonly reasons: Readonly<Record<string, string>>;
  /** Where it has its certificates and its port: with certificates the port is one for TLS. */
  readonly paths: { readonly tls: readonly string[]; readonly port: readonly string[] };
  /** Reads what concerns the gateway itself. */
  readGateway(settings: ForeignSettings): void;
  readSubgraph(settings: ForeignSettings, subgraph: ImportedSubgraph): ImportedSubgraph;
  /** Reads what is left once each subgraph was read. */
  readRest?(settings: ForeignSettings, subgraphs: readonly ImportedSubgraph[]): void;
}

/** @param subgraphs of the supergraph that the gateway serves */
export function importGateway(
  { reasons, paths, ...gateway }: ForeignGateway,
  configuration: unknown,
  subgraphs: readonly ImportedSubgraph[],
): ImportedGraph {
  const settings = createForeignSettings(configuration);
  const encrypted = settings.names(...paths.tls).length > 0;
  settings.toVariable(encrypted ? 'GATEWAY_TLS_PORT' : 'GATEWAY_HTTP_PORT', toPort, ...paths.port);
  gateway.readGateway(settings);
  const imported = subgraphs.map((subgraph) => gateway.readSubgraph(settings, subgraph));
  gateway.readRest?.(settings, subgraphs);
  return { subgraphs: imported, supergraphSdl: undefined, ...settings.finish(reasons) };
}
