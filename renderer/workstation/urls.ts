/** Where pixels are fetched from. */
import { bridge } from './bridge.ts';

const [frames, tiles] = bridge.surface === 'electron' ? ['frame://pixels', 'tile://pixels'] : ['/frame', '/tile'];

/** A small picture of a frame, its longer side at most so many pixels. */
export const thumbnailUrl = (frameId: string, side: 96 | 192 | 384): string => `${frames}/${frameId}/thumbnail?side=${side}`;
/** A frame's stored values, as `decodeFrameBytes` reads them. */
export const valuesUrl = (frameId: string): string => `${frames}/${frameId}/values`;
/** A frame as it is displayed by default, in full size. */
export const pictureUrl = (frameId: string): string => `${frames}/${frameId}/picture`;
/** What a model saw when a group of completions was tried. */
export const rolloutPictureUrl = (runId: string, step: number, at: number): string => `${frames}/run/${runId}/${step}/${at}`;
/** What the network was given for one view of an answer, as a picture. */
export const seenUrl = (traceId: string, at: number): string => `${frames}/seen/${traceId}/${at}`;
export const tileUrl = (slideId: string, level: number, column: number, row: number): string => `${tiles}/${slideId}/${level}/${column}_${row}`;
/** What one channel of a slide measured in a tile, as `decodeChannelTile` reads it. */
export const channelTileUrl = (slideId: string, level: number, column: number, row: number, channel: number): string => `${tileUrl(slideId, level, column, row)}/${channel}`;
