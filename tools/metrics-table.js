/** The catalogue as a table of Markdown. */
export function createMetricsTable(metrics) {
  const rows = Object.entries(metrics).map(([name, { kind, help, labels }]) => {
    const names = Object.keys(labels).map((label) => `\`${label}\``);
    return `| \`${name}\` | ${kind} | ${names.join(' ')} | ${help} |\n`;
  });
  return `\n| Name | Kind | Labels | What |\n| --- | --- | --- | --- |\n${rows.join('')}\n`;
}
