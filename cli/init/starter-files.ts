import { readFile } from 'node:fs/promises';
import { dump } from 'js-yaml';
import type { ImportedSubgraph, ImportedVariable } from './imported-graph.ts';

/** A file of a new installation, its path relative to the folder. */
export interface StarterFile {
  readonly path: string;
  readonly text: string;
}

const OWN_SUBGRAPHS = ['sts', 'audit', 'admin'] as const;

/** Aduana's own subgraphs, whose schemas are copied so that they compose with the others. */
export async function ownSubgraphs(): Promise<readonly ImportedSubgraph[]> {
  return Promise.all(
    OWN_SUBGRAPHS.map(async (name) => ({
      name,
      url: `https://localhost:\${${name.toUpperCase()}_PORT}/graphql`,
      schema: { file: `schemas/${name}.graphql` },
      sdl: await readFile(new URL(`../../subgraphs/${name}/schema.graphql`, import.meta.url), 'utf8'),
      settings: {},
    })),
  );
}

/** `supergraph.yaml` in Rover's format. */
export function supergraphYaml(subgraphs: readonly ImportedSubgraph[]): StarterFile {
  const entries = subgraphs.map(({ name, url, schema, settings }) => [
    name,
    {
      routing_url: url,
      ...(schema === undefined ? {} : { schema }),
      ...(Object.keys(settings).length === 0 ? {} : { aduana: settings }),
    },
  ]);
  return {
    path: 'supergraph.yaml',
    text: [
      '# The subgraphs behind the gateway, in the format of `rover supergraph compose --config`.',
      '# After a change: npx aduana supergraph compose',
      dump(
        { federation_version: '=2.14.4', subgraphs: Object.fromEntries(entries) as object },
        { lineWidth: 110 },
      ),
    ].join('\n'),
  };
}

/** `.env`: what is set in the environment wins over it. */
export function environmentFile(variables: readonly ImportedVariable[]): StarterFile {
  const lines = [
    '# Read by every `aduana` command in this folder; what is set in the environment wins.',
    'SUPERGRAPH_CONFIG=supergraph.yaml',
    'SUPERGRAPH_SDL=supergraph.graphql',
    '# A field that no directive guards is refused; @authenticated opens it to every caller.',
    'UNGUARDED_FIELDS=deny',
    ...variables.flatMap(({ name, value, from }) => [`# from ${from}`, `${name}=${value}`]),
  ];
  return { path: '.env', text: `${lines.join('\n')}\n` };
}

export const GIT_IGNORE: StarterFile = {
  path: '.gitignore',
  text: ['node_modules/', '# keys, secrets and data of this machine', '.aduana/', 'certs/dev/', ''].join(
    '\n',
  ),
};

export const READ_ME: StarterFile = {
  path: 'README.md',
  text: [
    '# A graph behind Aduana',
    '',
    '- `npx aduana up` starts gateway, STS, audit log and admin on loopback.',
    "- `npx aduana query --as bff '{ __typename }'` asks as the service `bff`.",
    '- `policies/` says who may do what: give a role to a service, then `npx aduana policy lint`.',
    '- `supergraph.yaml` names the subgraphs: `npx aduana supergraph compose` after a change.',
    '- `npx aduana policy explain --as bff` shows why something is refused.',
    '- `npx aduana audit verify` proves that the log of it all is whole.',
    '- `.env` holds the settings; `npx aduana doctor` checks the installation.',
    '',
  ].join('\n'),
};
