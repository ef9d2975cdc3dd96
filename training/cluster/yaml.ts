/** Settings as YAML that people can read: maps, lists and plain values, every text quoted where it could be taken for something else. */

export type Setting = string | number | boolean | null | readonly Setting[] | { readonly [name: string]: Setting };

/** A document; `comments` open it, one line each. */
export function toYaml(settings: { readonly [name: string]: Setting }, comments: readonly string[] = []): string {
  return [...comments.map((line) => `# ${line}`), ...linesOf(settings), ''].join('\n');
}

function linesOf(settings: { readonly [name: string]: Setting }): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const key = scalar(name);
    if (isMap(value) && Object.keys(value).length > 0) return [`${key}:`, ...linesOf(value).map((line) => `  ${line}`)];
    if (Array.isArray(value) && value.length > 0) return [`${key}:`, ...(value as readonly Setting[]).map((item) => `  - ${inline(item)}`)];
    return [`${key}: ${inline(value)}`];
  });
}

const isMap = (value: Setting): value is { readonly [name: string]: Setting } => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Everything that stands on one line; JSON is YAML. */
const inline = (value: Setting): string => (typeof value === 'object' && value !== null ? JSON.stringify(value) : scalar(value));

function scalar(value: string | number | boolean | null): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value !== 'string') return String(value);
  const isPlain = /^[A-Za-z_][\w./-]*$/.test(value) && !/^(?:true|false|yes|no|on|off|null|n|y)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}

/** YAML 1.1 takes 1e-6 for a text: a mantissa with a point and a signed exponent is a number everywhere. */
function numberText(value: number): string {
  const text = String(value);
  const match = /^(-?\d+)(\.\d+)?e([+-])(\d+)$/.exec(text);
  return match ? `${match[1]}${match[2] ?? '.0'}e${match[3]}${match[4]!.padStart(2, '0')}` : text;
}
