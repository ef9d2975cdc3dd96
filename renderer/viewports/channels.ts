/** The channels of a fluorescence slide as a person sees them. Pure. */
import type { SlideChannel, SlideSummary } from '#electron/contract/library.ts';
import type { ChosenChannel } from '#models/clinical/study.ts';

export interface ChannelSetting extends ChosenChannel {
  readonly isShown: boolean;
}

/** All of them, as the file has them shown at first. */
export const firstChannels = (channels: readonly SlideChannel[]): readonly ChannelSetting[] => channels.map(({ colour, low, high }, at) => ({ at, colour, low, high, isShown: true }));

/** What a view of the slide says of its channels: nothing where there are none, or where nobody changed them. */
export function shownChannels(slide: Pick<SlideSummary, 'channels'>, settings: readonly ChannelSetting[] | undefined): { readonly channels?: ChosenChannel[] } {
  return slide.channels && settings ? { channels: settings.filter(({ isShown }) => isShown).map(({ at, colour, low, high }) => ({ at, colour, low, high })) } : {};
}

/** All, then each alone in turn, then all again. */
export function nextAlone(settings: readonly ChannelSetting[]): readonly ChannelSetting[] {
  const shown = settings.filter(({ isShown }) => isShown);
  const alone = shown.length === 1 && settings.length > 1 ? settings.indexOf(shown[0] as ChannelSetting) : -1;
  const isLast = alone === settings.length - 1;
  return settings.map((setting, at) => ({ ...setting, isShown: isLast || at === alone + 1 }));
}

/** One of them changed; black stays below the whole colour. */
export function changedChannel(settings: readonly ChannelSetting[], at: number, change: Partial<Omit<ChannelSetting, 'at'>>): readonly ChannelSetting[] {
  return settings.map((setting) => {
    if (setting.at !== at) return setting;
    const next = { ...setting, ...change };
    const least = Math.max(1e-6, Math.abs(next.low) * 1e-6);
    if (next.high - next.low >= least) return next;
    return change.low === undefined ? { ...next, high: next.low + least } : { ...next, low: next.high - least };
  });
}

/**
 * A slider's place for a value and back, 0 … 1: fluorescence lies in the lowest tenth of what its files could hold, so low values have more room.
 */
export const placeOfValue = (value: number, most: number): number => Math.cbrt(Math.min(1, Math.max(0, value / most)));
export const valueOfPlace = (place: number, most: number): number => {
  const value = place ** 3 * most;
  return most > 100 ? Math.round(value) : Number(value.toPrecision(4));
};
