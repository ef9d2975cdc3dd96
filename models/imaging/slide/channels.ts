/** Slides whose light was measured at one wavelength after another: each channel is a grey picture of its own, and they are shown together, each in its colour. */
import type { ChosenChannel } from '#models/clinical/study.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';

export type Samples = Uint8Array | Uint16Array | Float32Array;

/** What one channel measured in one tile. */
export interface ChannelTile extends Size {
  /** [height · width] */
  readonly values: Samples;
}

/** In which colour a channel is shown: values up to `low` are black, values from `high` on are the whole colour. */
export interface ChannelLook {
  /** `#rrggbb` */
  readonly colour: string;
  readonly low: number;
  readonly high: number;
}

/** A channel as the file names it, with the look that it is first shown by. */
export interface Channel extends ChannelLook {
  readonly name: string;
  /** The largest value that its samples can have, or that was found where they have no bound. */
  readonly most: number;
}

/** What a file says of a channel; null where it says nothing. */
export interface StatedChannel {
  readonly name: string | null;
  readonly colour: string | null;
}

/** Shares of the values that lie below black and below the whole colour at first: a few bright specks must not darken everything else. */
const [blackShare, wholeShare] = [0.005, 0.998];

/** The look that suits some of a channel's values. Where all are equal, that value is black. */
export function firstRange(values: Samples): Pick<Channel, 'low' | 'high' | 'most'> {
  const sorted = values.filter((value) => Number.isFinite(value)).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const low = at(blackShare);
  const high = at(wholeShare);
  const most = values instanceof Uint8Array ? 255 : values instanceof Uint16Array ? 65_535 : Math.max(1, sorted.at(-1) ?? 1);
  const rest = values instanceof Float32Array ? most / 1000 : 1;
  return { low, high: Math.max(high, low + rest), most };
}

/** Names and colours for channels that the file leaves without: what is known to be blue is blue, the others differ. */
export function namedChannels(stated: readonly StatedChannel[]): readonly Pick<Channel, 'name' | 'colour'>[] {
  // Files without colours of their own often state white for every channel.
  const areTold = new Set(stated.map(({ colour }) => colour)).size === stated.length;
  const left = [...palette];
  return stated.map(({ name, colour }, at) => {
    const isNuclear = /dapi|hoechst/i.test(name ?? '');
    const own = areTold && colour !== null ? colour : stated.length === 1 ? '#ffffff' : isNuclear ? nuclear : left.shift() ?? '#ffffff';
    return { name: name ?? `Channel ${at + 1}`, colour: own };
  });
}

const nuclear = '#3d6bff';
const palette = ['#2fd45a', '#ff4b3e', '#f3d33c', '#35d0e6', '#f05bd2', '#ff9d2e', '#9b7bff', '#c7e356', '#ffffff'];

/** Red, green, blue of `#rrggbb`. */
export const partsOf = (colour: string): readonly [number, number, number] => {
  const number = Number.parseInt(colour.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
};

/** Brightness 0 … 1 of a value. */
export const levelAt = ({ low, high }: Pick<ChannelLook, 'low' | 'high'>, value: number): number => Math.min(1, Math.max(0, (value - low) / (high - low))) || 0;

/** The light of all channels together, added up and cut off where it exceeds what a screen can show; a channel that is null adds none. */
export function blended(size: Size, channels: readonly { readonly tile: ChannelTile | null; readonly look: ChannelLook }[]): Picture {
  const picture = createPicture(size);
  const sums = new Uint16Array(picture.data.length);
  for (const { tile, look } of channels) if (tile) addTo(sums, tile, look);
  for (let i = 0; i < sums.length; i++) picture.data[i] = Math.min(255, sums[i] as number);
  return picture;
}

function addTo(sums: Uint16Array, { values }: ChannelTile, look: ChannelLook): void {
  const parts = partsOf(look.colour);
  // Sixteen bits go through a table: a tile has many more pixels than there are values.
  const table = values instanceof Float32Array ? null : Uint8Array.from({ length: values instanceof Uint8Array ? 256 : 65_536 }, (_, value) => Math.round(levelAt(look, value) * 255));
  for (let i = 0, to = 0; i < values.length; i++, to += 3) {
    const level = table ? table[values[i] as number] as number : Math.round(levelAt(look, values[i] as number) * 255);
    if (level === 0) continue;
    for (let c = 0; c < 3; c++) sums[to + c] = (sums[to + c] as number) + Math.round((level * (parts[c] as number)) / 255);
  }
}

/** How channels were turned into the picture, in words. */
export const channelText = (channels: readonly Channel[], chosen: readonly ChosenChannel[]): string =>
  chosen.map(({ at, colour, low, high }) => `${channels[at]?.name ?? `Channel ${at + 1}`} ${colour} ${round(low)} to ${round(high)}`).join(', ') || 'no channel';

const round = (value: number): number => Number(value.toPrecision(5));
