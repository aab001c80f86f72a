const ORDER = [
  'floor',
  'aduana',
  'aduana unshared',
  'hive rust + jwt',
  'hive rust',
  'apollo + jwt',
  'apollo',
  'hive + jwt',
  'hive',
];
const WIDTH = 720;
const LABEL = 190;
const BAR = 20;

/** CPU per request of the big query, as bars: the picture of the README. */
export function drawChart(rows) {
  const chosen = ORDER.flatMap((name) =>
    rows.filter((row) => row.gateway === name && row.query === 'big' && row.connections === 32),
  );
  const longest = Math.max(...chosen.map(({ cpuMs }) => cpuMs));
  const bars = chosen.map(({ gateway, cpuMs }, index) => {
    const y = 48 + index * (BAR + 8);
    const width = Math.max(2, (cpuMs / longest) * (WIDTH - LABEL - 90));
    const color = gateway.startsWith('aduana') ? '#0b7a75' : '#9aa5b1';
    return `  <text x="${LABEL - 10}" y="${y + 14}" text-anchor="end">${gateway}</text>
  <rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3" fill="${color}"/>
  <text x="${(LABEL + width + 8).toFixed(1)}" y="${y + 14}">${cpuMs.toFixed(2)} ms</text>`;
  });
  const height = 60 + chosen.length * (BAR + 8);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#24313d" role="img" aria-label="CPU time of the gateway per request">
  <rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
  <text x="16" y="26" font-size="15" font-weight="600">CPU time of the gateway per request, 52 KB answer, 32 connections (less is better)</text>
${bars.join('\n')}
</svg>
`;
}
