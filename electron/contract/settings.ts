/** What a person set for themselves. */
import { z } from 'zod';

export const keymapNames = ['loupe', 'ohif', 'weasis', 'horos', 'qupath'] as const;
export type KeymapName = (typeof keymapNames)[number];

export const Settings = z.object({
  keymap: z.enum(keymapNames).default('loupe'),
  /** Keys of their own, by the name of an action; none: the action has no key. They come before those of the map. */
  keys: z.record(z.string().regex(/^[\w.]{1,80}$/), z.array(z.string().min(1).max(40)).max(4)).default({}),
});
export type Settings = z.infer<typeof Settings>;

export const settingsMethods = {
  'app.settings': { argument: z.null(), result: Settings },
  /** On the disk when it answers. */
  'app.changeSettings': { argument: Settings, result: Settings },
} as const;
