/** Numbers with units in an answer, held against what was measured: a model can write a length, but it has no ruler. */
import type { Fact, Flag } from '#electron/contract/review.ts';
import type { ReasoningTrace } from '#models/clinical/trace.ts';
import { written } from './prompt.ts';

type Quantity = 'length' | 'area' | 'angle' | 'attenuation';

/** What a unit measures, and how many of the quantity's own units it is: millimetres, square millimetres, degrees, Hounsfield units. */
const units: Readonly<Record<string, readonly [Quantity, number]>> = {
  'mm': ['length', 1], 'cm': ['length', 10], 'µm': ['length', 0.001], 'μm': ['length', 0.001], 'um': ['length', 0.001],
  'mm²': ['area', 1], 'mm2': ['area', 1], 'cm²': ['area', 100], 'cm2': ['area', 100], 'µm²': ['area', 1e-6], 'μm²': ['area', 1e-6],
  '°': ['angle', 1], 'degree': ['angle', 1], 'degrees': ['angle', 1], 'hu': ['attenuation', 1],
};

const digits = String.raw`-?\d{1,6}(?:\.\d{1,4})?`;
/** `12 mm`, and `12 × 9 mm`: up to two numbers before the one that carries the unit. */
const amount = new RegExp(String.raw`(?<![\w.])((?:(?:${digits})\s?(?:mm|cm|µm|um)?\s?(?:x|×|by)\s?){0,2})(${digits})\s?(mm²|cm²|µm²|μm²|mm2|cm2|mm|cm|µm|μm|um|HU|degrees?|°)(?![\p{L}\d²])`, 'giu');
/** A bound is no measurement. */
const bound = /(?:[<>≤≥]|\b(?:than|over|under|below|above|least|most|up to|within|exceeds?))\s{0,3}$/i;

interface Amount {
  readonly text: string;
  readonly quantity: Quantity;
  readonly value: number;
  /** Half of the last digit that was written. */
  readonly tolerance: number;
}

function amountsIn(text: string): readonly Amount[] {
  return [...text.matchAll(amount)].flatMap((match) => {
    const [whole, before = '', last = '', unit = ''] = match;
    const known = units[unit.toLowerCase()];
    if (!known || bound.test(text.slice(Math.max(0, match.index - 12), match.index))) return [];
    const [quantity, scale] = known;
    const numbers = [...[...before.matchAll(new RegExp(digits, 'g'))].map(([number]) => number), last];
    return numbers.map((number): Amount => ({
      text: numbers.length === 1 ? whole.trim() : `${number} ${unit}`, quantity, value: Number(number) * scale, tolerance: 0.5 * 10 ** -(number.split('.')[1]?.length ?? 0) * scale,
    }));
  });
}

/** `fact.differs`: something else was measured. `fact.unmeasured`: nothing of the kind was. General knowledge and bounds are left alone. */
export function factFlags({ steps, answer }: Pick<ReasoningTrace, 'steps' | 'answer'>, facts: readonly Fact[]): readonly Flag[] {
  const known = facts.flatMap(({ name, value, unit }) => {
    const [quantity, scale] = units[unit.toLowerCase()] ?? [];
    return quantity === undefined || scale === undefined ? [] : [{ quantity, value: value * scale, text: `${name}, ${written(value)} ${unit}` }];
  });
  const said = [...steps.flatMap(({ kind, text }, step) => (kind === 'knowledge' ? [] : [{ text, step }])), ...(answer === null ? [] : [{ text: answer, step: undefined }])];
  const seen = new Set<string>();
  return said.flatMap(({ text, step }) => amountsIn(text).flatMap(({ text: words, quantity, value, tolerance }): Flag[] => {
    const measured = known.filter((one) => one.quantity === quantity);
    if (seen.has(`${quantity}${value}`) || measured.some((one) => Math.abs(one.value - value) <= tolerance * 1.001)) return [];
    seen.add(`${quantity}${value}`);
    const about = step === undefined ? {} : { step };
    return [measured.length > 0
      ? { code: 'fact.differs', detail: `“${words}” is not what was measured: ${measured.map((one) => one.text).join('; ')}.`, ...about }
      : { code: 'fact.unmeasured', detail: `“${words}” was not measured: the model has no ruler.`, ...about }];
  }));
}
