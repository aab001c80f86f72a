import { readFile } from 'node:fs/promises';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';

type Source = Parameters<typeof composeSupergraph>[0][number];

/** The supergraph of the subgraphs that are shipped, and one of a test. */
export async function composeWith(own: Source): Promise<string> {
  const files = [
    ...['sts', 'audit', 'admin'].map((name) => [name, `subgraphs/${name}/schema.graphql`] as const),
    ['leads', 'examples/leads/schema.graphql'] as const,
  ];
  const shipped = files.map(async ([name, file]) => ({
    name,
    url: `https://localhost/${name}`,
    origin: file,
    sdl: await readFile(file, 'utf8'),
  }));
  const composed = composeSupergraph([...(await Promise.all(shipped)), own]);
  if (!composed.ok) throw new Error(JSON.stringify(composed.problems));
  return composed.sdl;
}
