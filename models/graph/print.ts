/** A graph as text to read: what goes in, what is computed in which order, what comes out. */
import type { Attribute, ConstantData, Graph, Value } from './graph.ts';

const shapeText = ({ dtype, shape }: Value): string => `${dtype}[${shape.join(', ')}]`;

/** A number as briefly as float32 allows. */
const number = (x: number | bigint): string => (typeof x === 'bigint' ? String(x) : String(Number(x.toPrecision(7))));

const elements = (data: ConstantData): string => {
  const shown = Array.from(data.slice(0, 6) as ArrayLike<number | bigint>, number);
  return data.length > shown.length ? `${shown.join(' ')} … ${data.length} elements` : shown.join(' ');
};

const attributeText = ([name, value]: readonly [string, Attribute]): string =>
  `${name}=${typeof value === 'string' ? value : typeof value === 'number' ? number(value) : `[${value.join(', ')}]`}`;

/**
 * One line each for inputs, weights in files, constants of more than one element, operators and outputs.
 * Small constants stand where they are used.
 */
export function printGraph(graph: Graph): string {
  const isInline = (value: Value): boolean => (graph.constants.get(value)?.length ?? 9) <= 6 && value.shape.length <= 1;
  const reference = (value: Value | null): string => {
    if (!value) return '_';
    const data = graph.constants.get(value);
    if (!data || !isInline(value)) return value.name;
    return value.shape.length === 0 ? elements(data) : `(${elements(data)})`;
  };
  const lines = [`graph ${graph.name}`];
  for (const input of graph.inputs) lines.push(`  in   ${input.name}: ${shapeText(input)}`);
  for (const [value, { location, offset, length }] of graph.externals) lines.push(`  file ${value.name}: ${shapeText(value)} = ${location} at ${offset}, ${length} bytes`);
  for (const [value, data] of graph.constants) if (!isInline(value)) lines.push(`  data ${value.name}: ${shapeText(value)} = ${elements(data)}`);
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const left = outputs.map((output) => `${output.name}: ${shapeText(output)}`).join(', ');
    const settings = Object.entries(attributes).map(attributeText);
    lines.push(`  ${left} = ${op}(${[...inputs.map(reference), ...settings].join(', ')})`);
  }
  for (const { name, value } of graph.outputs) lines.push(`  out  ${name}: ${shapeText(value)} = ${reference(value)}`);
  return `${lines.join('\n')}\n`;
}
