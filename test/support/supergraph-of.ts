import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import {
  type LoadOptions,
  loadSupergraph,
  type PlannedSupergraph,
} from '../../gateway/supergraph/load-supergraph.ts';

export const FEDERATION_LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@external", "@provides", "@shareable", "@interfaceObject", "@inaccessible", "@authenticated", "@requiresScopes", "@policy"])\n`;

/** The supergraph of these subgraphs: name to SDL without `FEDERATION_LINK`. */
export function supergraphOf(
  subgraphs: Readonly<Record<string, string>>,
  options: LoadOptions = {},
): PlannedSupergraph {
  const composition = composeSupergraph(
    Object.entries(subgraphs).map(([name, sdl]) => ({
      name,
      url: `https://localhost/${name}`,
      origin: name,
      sdl: FEDERATION_LINK + sdl,
    })),
  );
  if (!composition.ok) throw new TypeError(JSON.stringify(composition.problems));
  return loadSupergraph(composition.sdl, new Map(), options);
}
