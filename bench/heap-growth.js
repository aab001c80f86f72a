import { readFileSync } from 'node:fs';

/** What there is more of in the later of two heap snapshots, by the names of its constructors, most bytes first. */
export function heapGrowth(before, after, shown = 15) {
  const old = sizesIn(before);
  return [...sizesIn(after)]
    .map(([name, { count, bytes }]) => ({
      name,
      count: count - (old.get(name)?.count ?? 0),
      kibibytes: Math.round((bytes - (old.get(name)?.bytes ?? 0)) / 1024),
    }))
    .filter(({ kibibytes }) => kibibytes > 0)
    .sort((a, b) => b.kibibytes - a.kibibytes)
    .slice(0, shown);
}

function sizesIn(file) {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8'));
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, nameAt, sizeAt] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field));
  const sizes = new Map();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const type = types[typeAt][nodes[at + typeAt]];
    const name = ['object', 'closure'].includes(type)
      ? `${type} ${strings[nodes[at + nameAt]]}`
      : `(${type})`;
    const known = sizes.get(name) ?? { count: 0, bytes: 0 };
    sizes.set(name, { count: known.count + 1, bytes: known.bytes + nodes[at + sizeAt] });
  }
  return sizes;
}
