/** What a program may show without a model that drives: the boxes of an answer that was given, visited one after the other by fixed rules. */
import type { Box } from '#models/clinical/finding.ts';
import { clamp } from '#models/base/math.ts';
import type { ViewerAction } from './actions.ts';
import { seriesOf, type ViewerState, type ViewerStudy } from './state.ts';

/** A box of an answer, in pixels of its slice. */
export interface ShownBox {
  readonly series: string;
  /** Counted from 1. */
  readonly slice: number;
  readonly box: Box;
  readonly label: string;
}

export interface PlannedAction {
  /** Places in pixels of the image. */
  readonly action: ViewerAction;
  /** The label of the box that it is for; empty for the last one. */
  readonly label: string;
}

/** How much of the view the longer side of a box takes when it is shown. */
const share = 1 / 3;
/** Boxes that are shown at most. */
const mostBoxes = 8;

/** Windows in which things are looked at, by words of their labels; CT alone. */
const windows: readonly (readonly [RegExp, string])[] = [[/\b(?:lung|nodule|pulmonary|consolidation)/i, 'Lung'], [/\b(?:liver|hepatic)/i, 'Liver'], [/\b(?:bone|fracture|rib|vertebra)/i, 'Bone'], [/\b(?:brain|cerebral|intracranial|h(?:a)?emorrhage|bleeding)/i, 'Brain']];

/** The steps from a state: to the slice, into the window, near, across the longer side; at the end it is said that it is done. */
export function directiveOf(study: ViewerStudy, state: ViewerState, boxes: readonly ShownBox[]): readonly PlannedAction[] {
  const planned: PlannedAction[] = [];
  let { series: key, slice, window, zoom } = state;
  for (const { series, slice: wanted, box, label } of boxes.slice(0, mostBoxes)) {
    const add = (action: ViewerAction): void => void planned.push({ action, label });
    if (series !== key) {
      add({ name: 'select_series', key: series });
      [key, slice, window, zoom] = [series, (seriesOf(study, series).slices >> 1) + 1, null, 1];
    }
    const { modality, presets, width, height, mpp } = seriesOf(study, key);
    if (slice !== wanted) add({ name: 'scroll_slice', to: wanted });
    slice = wanted;
    const named = modality === 'CT' ? windows.find(([words]) => words.test(label))?.[1] : undefined;
    const preset = presets.find(({ name }) => name === named);
    if (preset && window?.name !== preset.name) {
      add({ name: 'set_window', preset: preset.name });
      window = preset;
    }
    const [across, down] = [box.x2 - box.x1, box.y2 - box.y1];
    const middle = { x: (box.x1 + box.x2) / 2, y: (box.y1 + box.y2) / 2 };
    const next = clamp(share * Math.min(width / across, height / down), 1, mpp === null ? 8 : 64);
    if (Math.abs(next / zoom - 1) > 0.05 || next > 1) {
      add({ name: 'zoom', focus: middle, factor: next / zoom });
      zoom = next;
    }
    const isWide = across >= down;
    add({
      name: 'measure', from: isWide ? { x: box.x1, y: middle.y } : { x: middle.x, y: box.y1 }, to: isWide ? { x: box.x2, y: middle.y } : { x: middle.x, y: box.y2 },
    });
  }
  return [...planned, { action: { name: 'finish' }, label: '' }];
}
