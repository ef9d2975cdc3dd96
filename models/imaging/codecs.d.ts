/** The shape of the codecs that come without types. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  export interface JpegDecoder {
    /** Room for the compressed bytes, inside the codec's memory. */
    getEncodedBuffer(length: number): Uint8Array;
    /** Throws a number for every failure. */
    decode(): void;
    getDecodedBuffer(): Uint8Array;
    getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
    delete(): void;
  }
  export interface Codec {
    readonly JPEGDecoder: new () => JpegDecoder;
  }
  export default function createCodec(options?: object): Promise<Codec>;
}
