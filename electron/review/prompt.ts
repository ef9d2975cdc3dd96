/** The words that are put to the model: the question, before it which image is which where there are several, and after it what was measured. */
import type { Fact, SeenView } from '#electron/contract/review.ts';

export interface PromptView {
  /** As in `slice 12 of 38`. */
  readonly name: string;
  readonly slot: NonNullable<SeenView['slot']>;
  /** How long before the asked study it was taken, `8 months earlier`; null where that is unknown, or nothing. */
  readonly earlier: string | null;
}

const slots: Readonly<Record<PromptView['slot'], string>> = { current: 'current study', prior: 'earlier study', lateral: 'current study, lateral view' };

/** One image without measurements is asked about in the person's words alone. */
export function promptOf(question: string, views: readonly PromptView[], facts: readonly Fact[]): string {
  const lead = views.length < 2 ? [] : [
    views.map(({ name, slot, earlier }, i) => `Image ${i + 1}: ${[slots[slot], ...(earlier === null ? [] : [earlier]), name].join(', ')}.`).join(' '),
    'Say of every box on which image it lies, as in "Image 2".',
  ];
  const measured = facts.map(({ name, value, unit, source, view }) => `${name} = ${written(value)}${unit === '' ? '' : ` ${unit}`}${views.length < 2 ? '' : ` on image ${view + 1}`} (${source})`);
  return [...lead, question, ...(measured.length === 0 ? [] : [`Measured by the workstation, given: ${measured.join('; ')}.`])].join('\n');
}

/** With the digits that count: four, and no more than two after the point. */
export const written = (value: number): string => String(Number(value.toPrecision(Math.abs(value) >= 1000 ? 6 : 4)));
