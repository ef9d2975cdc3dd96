/** Magnification as an objective's number would say it: at 10 µm divided by the size of a screen pixel, so that 0.25 µm is forty times. */

/** Where digits jump to: the objectives of a microscope. */
export const objectives = [1.25, 2.5, 5, 10, 20, 40] as const;

/** @param mpp  microns for one pixel of level 0; zoom is screen pixels for one of these */
export const magnificationOf = (mpp: number, zoom: number): number => (10 * zoom) / mpp;

export const zoomOf = (mpp: number, magnification: number): number => (magnification * mpp) / 10;
