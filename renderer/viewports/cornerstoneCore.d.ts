/** What the page uses of cornerstone-core, which brings no types. */
declare module 'cornerstone-core' {
  export interface Image {
    readonly imageId: string;
    readonly minPixelValue: number;
    readonly maxPixelValue: number;
    readonly slope: number;
    readonly intercept: number;
    readonly windowCenter: number;
    readonly windowWidth: number;
    readonly voiLUT?: { readonly firstValueMapped: number; readonly numBitsPerEntry: number; readonly lut: readonly number[] };
    readonly rows: number;
    readonly columns: number;
    readonly height: number;
    readonly width: number;
    readonly color: boolean;
    readonly columnPixelSpacing: number;
    readonly rowPixelSpacing: number;
    readonly invert: boolean;
    readonly sizeInBytes: number;
    getPixelData(): ArrayLike<number>;
    getCanvas?(): HTMLCanvasElement;
  }
  export function renderToCanvas(canvas: HTMLCanvasElement, image: Image): void;
}
