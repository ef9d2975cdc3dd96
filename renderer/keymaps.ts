/**
 * Maps of keys that people bring along from other viewers, and where two actions would claim one key.
 * Each map says only where it departs from the keys that stand in the rows of `actions.ts`, which are ours: those of OHIF with the keys of asking and judging.
 */
import type { KeymapName } from '#electron/contract/settings.ts';
import type { Action, ScreenName } from './workstation/action.ts';
import { shortcutsOf, type Keys } from './workstation/keymap.ts';

/** With letters taken by tools, the keys of asking and judging move to Alt. */
const stepsWithAlt: Keys = {
  'review.ask': ['Alt+A'], 'review.eye': ['Alt+Y'], 'judge.accept': ['Enter', 'Alt+Enter'], 'judge.edit': ['Alt+E'], 'judge.reject': ['Alt+X'], 'judge.next': ['Alt+J'], 'judge.previous': ['Alt+K'], 'stage.prior': ['Alt+P'],
};

export const keymaps: Readonly<Record<KeymapName, Keys>> = {
  loupe: {},
  // Ours begin with OHIF's: it has four windows on digits, its tools have no keys, and Backspace deletes.
  ohif: {
    'review.window5': [], 'review.window6': [], 'review.window7': [], 'review.window8': [], 'review.window9': [], 'stage.delete': ['Backspace', 'Delete'],
  },
  weasis: {
    'stage.window': ['W'], 'stage.pan': ['T'], 'stage.zoom': ['Z'], 'stage.crosshair': ['H'], 'stage.length': ['D'], 'stage.angle': ['A'], 'stage.freehand': ['Y'], 'stage.arrow': ['B'], 'stage.rectangle': ['U'], 'stage.bidirectional': ['Shift+U'],
    'stage.key': ['Shift+K'], 'review.rotateRight': ['Alt+R'], 'review.rotateLeft': ['Alt+L'], 'review.flipHorizontal': ['Alt+F'], 'review.flipVertical': ['Alt+V'], 'review.invert': ['Alt+I'],
    'review.fileWindow': ['0', '1', '2'], 'review.window4': ['3'], 'review.window1': ['4'], 'review.window6': ['5'], 'review.window3': ['6'], 'review.window2': ['7'], 'review.window5': [], 'review.window7': [], 'review.window8': [], 'review.window9': [],
    'review.fullRange': ['`'], 'review.nextSeries': ['ArrowRight'], 'review.previousSeries': ['ArrowLeft'], 'review.first': ['Home', 'PageUp'], 'review.last': ['End', 'PageDown'], 'stage.nextCell': ['.'], 'stage.previousCell': [','],
    'review.fit': ['=', 'Mod+Enter'], 'review.ask': ['/'], 'review.eye': ['Shift+Y'],
  },
  horos: {
    'stage.length': ['L'], 'stage.angle': ['A'], 'stage.ellipse': ['E'], 'stage.freehand': ['C', 'O', 'D'], 'stage.arrow': ['Q', 'T'], 'stage.probe': ['P'], 'stage.pan': ['M'], 'stage.zoom': ['Z'], 'stage.window': ['W'],
    'review.fileWindow': ['`', '~'], 'review.rotateRight': ['I', 'R'], 'review.rotateLeft': ['Shift+R'], 'review.invert': ['Alt+I'], 'stage.cine': ['.'], ...stepsWithAlt,
  },
  qupath: {
    'stage.length': ['L'], 'stage.rectangle': ['R'], 'stage.ellipse': ['O'], 'stage.freehand': ['P', 'V'], 'stage.probe': ['.'], 'stage.pan': ['M'], 'stage.window': ['Shift+C'], 'stage.crosshair': ['Alt+C'], 'review.marks': ['H', 'G'], 'stage.drawings': ['A'],
    'review.rotateRight': ['Alt+R'], 'review.rotateLeft': ['Alt+L'], 'review.flipHorizontal': ['Alt+H'], 'review.flipVertical': ['Alt+V'], 'app.palette': ['Mod+L', 'Mod+K'], ...stepsWithAlt,
  },
};

/** Where a key can be pressed. Keys of the review mean one thing on single images, on planes through a stack, and on slides. */
export const contexts = ['library', 'frames', 'planes', 'slide', 'report', 'curate', 'finetune', 'models', 'audit', 'similar'] as const;
export type Context = (typeof contexts)[number];
const views = ['frames', 'planes', 'slide'] as const;

/** Rows of the review that work on one kind of image only. Those of slides and planes come before the others there. */
const ofSlides = /^stage\.(?:pan(?:Down|Up|Left|Right)|hold|channels|channelAlone|wholeSlide|objective\d)$/;
const ofPlanes = /^stage\.plane/;
const ofFrames = /^review\.(?:window\d|fullRange|fileWindow|invert|rotate\w+|flip\w+)$|^stage\.cine$/;

export function contextsOf({ name, screen }: Pick<Action, 'name' | 'screen'>): readonly Context[] {
  if (ofSlides.test(name)) return ['slide'];
  if (ofPlanes.test(name)) return ['planes'];
  if (ofFrames.test(name)) return ['frames', 'planes'];
  if (screen === undefined) return contexts;
  return screen === 'review' ? views : [screen satisfies Exclude<ScreenName, 'review'>];
}

export interface Conflict {
  readonly key: string;
  readonly context: Context;
  readonly names: readonly string[];
}

/** Opposite states of one thing may share a key: only one of them can be done at a time. */
const opposites: readonly (readonly [string, string])[] = [['finetune.pause', 'finetune.resume']];

/** Keys that two actions claim in one place. Escape gives up whatever is nearest, so it is shared on purpose. */
export function conflictsOf(actions: readonly Action[], keys: Keys): readonly Conflict[] {
  return contexts.flatMap((context) => {
    const byKey = new Map<string, Action[]>();
    for (const action of actions) {
      if (!contextsOf(action).includes(context)) continue;
      for (const shortcut of shortcutsOf(action, keys)) byKey.set(plainKey(shortcut), [...byKey.get(plainKey(shortcut)) ?? [], action]);
    }
    return [...byKey].flatMap(([key, claimants]): readonly Conflict[] => {
      if (key === 'escape' || claimants.length < 2) return [];
      const special = claimants.filter(({ name }) => ofSlides.test(name) || ofPlanes.test(name));
      const names = (special.length > 0 ? special : claimants).map(({ name }) => name);
      if (names.length < 2 || opposites.some((pair) => names.every((name) => pair.includes(name)))) return [];
      return [{ key: shortcutFor(claimants, key, keys), context, names }];
    });
  });
}

/** One spelling for one key. */
function plainKey(shortcut: string): string {
  const words = shortcut.toLowerCase().split('+');
  return [...words.slice(0, -1).sort(), words.at(-1)].join('+');
}

const shortcutFor = (claimants: readonly Action[], key: string, keys: Keys): string => claimants.flatMap((action) => shortcutsOf(action, keys)).find((shortcut) => plainKey(shortcut) === key) ?? key;
