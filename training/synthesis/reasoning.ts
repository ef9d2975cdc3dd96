/** The completion that the model learns to write: a few steps that cite their boxes, then the answer. */
import type { Box } from '#models/clinical/finding.ts';
import type { StepKind } from '#models/clinical/trace.ts';

/** A box with the words that name it, in pixels of the picture that the model sees. */
export interface NamedBox {
  readonly label: string;
  readonly box: Box;
}

export interface Step {
  readonly kind: StepKind;
  readonly text: string;
  readonly boxes?: readonly NamedBox[];
}

/** Boxes as Qwen2.5-VL writes them: `[{"bbox_2d":[12,30,100,180],"label":"right lung"}]`, `[]` for none. */
export const boxList = (boxes: readonly NamedBox[]): string =>
  JSON.stringify(boxes.map(({ label, box: { x1, y1, x2, y2 } }) => ({ bbox_2d: [x1, y1, x2, y2], label })));

/** `<think>` with one step per line and `<answer>`; without steps the answer alone. */
export function completionOf(steps: readonly Step[], answer: string): string {
  const end = `<answer>${answer}</answer>`;
  if (steps.length === 0) return end;
  const lines = steps.map(({ kind, text, boxes = [] }) => `${capital(kind)}: ${text}${boxes.length > 0 ? ` ${boxList(boxes)}` : ''}`);
  return `<think>\n${lines.join('\n')}\n</think>\n${end}`;
}

export const observe = (text: string, boxes: readonly NamedBox[] = []): Step => ({ kind: 'observation', text: sentence(text), boxes });
export const measureStep = (text: string, boxes: readonly NamedBox[] = []): Step => ({ kind: 'measurement', text: sentence(text), boxes });
export const compare = (text: string, boxes: readonly NamedBox[] = []): Step => ({ kind: 'comparison', text: sentence(text), boxes });
export const know = (text: string): Step => ({ kind: 'knowledge', text: sentence(text) });
export const conclude = (text: string): Step => ({ kind: 'conclusion', text: sentence(text) });

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = (text: string): string => (/[.!?]$/.test(text) ? capital(text) : `${capital(text)}.`);

export const listed = (items: readonly string[], last = 'and'): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)!}`;
